"""Streams and long-polls of a real server: what a client sees, byte by byte."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import Server, wait_until
from tests.sse import Reader

POLL = {"Accept": "application/json"}
PLAIN = {"Content-Type": "text/plain"}


def notice(http: httpx.Client, message: str = "hello") -> None:
    http.post("/api/events", json={"name": "n", "message": message}).raise_for_status()


def create(http: httpx.Client, **fields: object) -> int:
    answer = http.post("/api/tasks", json={"name": "t", **fields})
    return int(answer.raise_for_status().json()["id"])


def poll(http: httpx.Client, topics: str, **query: object) -> dict[str, object]:
    answer = http.get(f"/events/{topics}", params=query, headers=POLL)  # type: ignore[arg-type]
    result: dict[str, object] = answer.raise_for_status().json()
    return result


def seqs(events: object) -> list[int]:
    assert isinstance(events, list)
    return [int(event["id"].rpartition("-")[2]) for event in events]


def test_a_reader_that_splits_lines_as_python_does_gets_whole_events(
    server: Server, http: httpx.Client
) -> None:
    """Case H24: httpx's own iter_lines breaks at more than LF."""
    text = "a\u2028b\u2029c\u0085d\fe\x1cf\x1dg\x1eh\x0bi"
    task = create(http)
    cursor = poll(http, "system")["cursor"]
    http.post(f"/api/tasks/{task}/logs", json={"lines": [{"text": text}]}).raise_for_status()
    http.patch(f"/api/tasks/{task}", json={"message": text, "status": "completed"})
    path, headers = f"/events/task:{task}?after={cursor}", {"Accept": "text/event-stream"}
    with http.stream("GET", path, headers=headers) as stream:
        data = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
    events = {event["type"]: event.get("data") for event in map(json.loads, data)}
    assert events["LOG"]["lines"][0]["text"] == text
    assert events["TASK_COMPLETED"]["message"] == text
    answer = http.get(path, headers=POLL).text
    assert len(answer.splitlines()) == 1


# What a stream begins with


def test_hello_comes_at_once_and_small_with_the_headers_that_boxes_need(server: Server) -> None:
    with Reader(server.url, "system") as reader:
        hello = reader.wait_for("HELLO", seconds=10)  # before the first heartbeat
        assert reader.headers is not None
        assert reader.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reader.headers["cache-control"] == "no-cache, no-transform"
        assert reader.headers["x-accel-buffering"] == "no"
        assert reader.headers["content-encoding"] == "identity"
        assert "connection" not in reader.headers
    assert len(hello.raw) < 512
    assert hello.data["version"]
    assert hello.data["heartbeat"] == 15
    assert "\nretry: " in hello.raw
    assert hello.id  # a stream cut before its first event resumes from here


def test_an_event_arrives_as_a_frame_named_by_its_type(server: Server, http: httpx.Client) -> None:
    with Reader(server.url, "system") as reader:
        reader.wait_for("HELLO")
        task = create(http)
        frame = reader.wait_for("TASK_CREATED")
    assert frame.data["type"] == "TASK_CREATED"
    assert frame.data["topic"] == "system"
    assert frame.data["id"] == frame.id
    assert frame.data["data"]["id"] == task
    assert frame.data["data"]["version"] == 1


def test_head_answers_headers_only(http: httpx.Client) -> None:
    answer = http.head("/events/system", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/events/nothing", 400),
        ("/events/system,", 400),
        ("/events/task:999", 404),
        ("/events/" + ",".join(f"queue:{n}" for n in range(51)), 400),
    ],
)
def test_wrong_topics_are_problems(http: httpx.Client, path: str, status: int, accept: str) -> None:
    answer = http.get(path, headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["heartbeat=1", "heartbeat=31", "heartbeat=x", "heartbeat=nan"])
def test_a_heartbeat_out_of_range_is_refused(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/events/system?{query}", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 400
    assert "heartbeat" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("after=a-1&after=a-2", "after: is given more than once"),
        ("after=a-1&limit=1.5", "limit: must be a whole number"),
        ("after=a-1&limit=0", "limit: must be a number from 1 to 1000"),
        ("after=a-1&limit=1&limit=2", "limit: is given more than once"),
        ("after=a-1&wait=31", "wait: must be a number from 0 to 30"),
    ],
)
def test_wrong_arguments_of_a_poll_are_named(http: httpx.Client, query: str, words: str) -> None:
    answer = http.get(f"/events/system?{query}")
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


# Cursors


def test_resuming_by_header_and_by_query(server: Server, http: httpx.Client) -> None:
    cursor = str(poll(http, "system")["cursor"])
    for number in range(5):
        notice(http, str(number))
    first = seqs(poll(http, "system", after=cursor)["events"])
    assert len(first) == 5
    epoch = cursor.partition("-")[0]
    for place in (first[0] - 1, first[2]):
        rest = [seq for seq in first if seq > place]
        at = f"{epoch}-{place}"
        with Reader(server.url, "system", after=at) as reader:
            seen = reader.wait_count(len(rest) + 1)
        assert [frame.seq for frame in seen[1:]] == rest
        with Reader(server.url, "system", query=f"after={at}") as reader:
            seen = reader.wait_count(len(rest) + 1)
        assert [frame.seq for frame in seen[1:]] == rest


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        ("abc-1", "unknown-epoch"),
        ("EPOCH-999999", "future"),
        ("nonsense", "malformed"),
        ("EPOCH--5", "malformed"),
        ("é-1", "unknown-epoch"),
        ("0" * 500, "malformed"),
    ],
)
def test_a_cursor_that_cannot_be_honoured_resets(
    server: Server, http: httpx.Client, cursor: str, reason: str
) -> None:
    head = str(poll(http, "system")["cursor"])
    cursor = cursor.replace("EPOCH", head.partition("-")[0])
    answer = poll(http, "system", after=cursor, wait=10)
    assert (answer["reset"], answer["cursor"], answer["events"]) == (reason, head, [])
    with Reader(server.url, "system", query=str(httpx.QueryParams(after=cursor))) as reader:
        reset = reader.wait_for("RESET")
        assert reset.data["reason"] == reason
        assert reset.id == head
        notice(http)
        assert reader.wait_for("NOTICE").seq == reset.seq + 1


def test_a_snapshot_cursor_joins_its_stream_without_gap(
    make_server: Callable[..., Server],
) -> None:
    """H01: a snapshot read while events pour in, and the stream from its cursor on."""
    server = make_server()
    with httpx.Client(base_url=server.url, timeout=30) as http, ThreadPoolExecutor(4) as pool:
        work = [pool.submit(create, http, name=f"t{n}") for n in range(300)]
        for _ in range(20):
            listed = http.get("/api/tasks", params={"limit": 500, "sort": "id"}).json()
            known = [task["id"] for task in listed["tasks"]]
            with Reader(server.url, "system", after=listed["cursor"]) as reader:
                reader.wait_count(301 - len(known))
            created = [frame.data["data"]["id"] for frame in reader.events]
            assert known + created == list(range(1, len(known) + len(created) + 1))
        for item in work:
            item.result()


# Heartbeats, ends and limits


def test_a_quiet_stream_beats_and_says_how_far_it_looked(
    server: Server, http: httpx.Client
) -> None:
    task = create(http)
    with Reader(server.url, f"task:{task}", query="heartbeat=2") as reader:
        hello = reader.wait_for("HELLO")
        for _ in range(3):
            notice(http)
        beat = reader.wait_for("HEARTBEAT")
        assert beat.seq == hello.seq + 3
        second = reader.wait_for("HEARTBEAT", 2)
        assert second.seq == beat.seq
        assert reader.events == []


def test_streams_end_by_themselves_after_their_lifetime(make_server: Callable[..., Server]) -> None:
    server = make_server("--stream-lifetime", "2")
    began = time.monotonic()
    with Reader(server.url, "system") as reader:
        reader.wait_for("HELLO")
        reader.wait_end()
        assert reader.error is None  # with its last chunk, not in the middle
        assert time.monotonic() - began >= 1.7  # 2 s less 15 %


def test_a_finished_task_ends_its_topic_and_the_stream(server: Server, http: httpx.Client) -> None:
    """H26: an end that is said, so that nobody reconnects for ever."""
    task = create(http, status="running")
    with (
        Reader(server.url, f"task:{task}") as alone,
        Reader(server.url, f"system,task:{task}") as both,
    ):
        alone.wait_for("HELLO")
        both.wait_for("HELLO")
        http.post(f"/api/tasks/{task}/logs", json={"lines": [{"text": "last words"}]})
        http.patch(f"/api/tasks/{task}", json={"status": "completed"}).raise_for_status()
        end = alone.wait_for("END")
        assert end.data["topic"] == f"task:{task}"
        alone.wait_end()
        assert [frame.event for frame in alone.events][-2:] == ["LOG", "TASK_COMPLETED"]
        both.wait_for("END")
        notice(http)
        both.wait_for("NOTICE")
        assert not both.ended
    answer = poll(http, f"task:{task}", after=end.id, wait=10)
    assert answer["ended"] == [f"task:{task}"]
    with Reader(server.url, f"task:{task}") as again:
        again.wait_end()
        assert [frame.event for frame in again.seen] == ["HELLO", "END"]


def test_a_deleted_task_ends_its_topic(server: Server, http: httpx.Client) -> None:
    task = create(http)
    with Reader(server.url, f"task:{task}") as reader:
        reader.wait_for("HELLO")
        http.delete(f"/api/tasks/{task}").raise_for_status()
        reader.wait_for("END")
        assert reader.events[-1].event == "TASK_DELETED"
        reader.wait_end()


def test_streams_are_bounded_and_their_places_come_back(
    make_server: Callable[..., Server],
) -> None:
    server = make_server("--max-streams", "2")
    with httpx.Client(base_url=server.url, timeout=30) as http:
        for _ in range(3):
            with Reader(server.url, "system") as one, Reader(server.url, "system") as two:
                one.wait_for("HELLO")
                two.wait_for("HELLO")
                answer = http.get("/events/system", headers={"Accept": "text/event-stream"})
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) >= 1
            wait_until(lambda: http.get("/healthz").json()["streams"] == 0, what="places")


# Long-polls


def test_a_poll_without_cursor_answers_the_head_at_once(http: httpx.Client) -> None:
    notice(http)
    answer = poll(http, "system", wait=20)
    assert answer["events"] == []
    assert poll(http, "system", after=answer["cursor"], wait=0)["cursor"] == answer["cursor"]


def test_a_waiting_poll_is_answered_by_the_event(server: Server, http: httpx.Client) -> None:
    cursor = poll(http, "system")["cursor"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(poll, http, "system", after=cursor, wait=20)
        wait_until(lambda: http.get("/healthz").json()["streams"] == 1)
        notice(http, "now")
        events = waiting.result(15)["events"]
    assert [event["data"]["message"] for event in events] == ["now"]  # type: ignore[attr-defined]


def test_a_poll_gives_at_most_the_limit_and_the_next_one_the_rest(http: httpx.Client) -> None:
    cursor = poll(http, "system")["cursor"]
    for number in range(7):
        notice(http, str(number))
    seen: list[int] = []
    for count in (3, 3, 1):
        answer = poll(http, "system", after=cursor, limit=3)
        assert len(seqs(answer["events"])) == count
        seen += seqs(answer["events"])
        cursor = answer["cursor"]
    assert seen == list(range(seen[0], seen[0] + 7))


def test_a_quiet_poll_ends_after_its_wait(http: httpx.Client) -> None:
    cursor = poll(http, "system")["cursor"]
    began = time.monotonic()
    answer = poll(http, "system", after=cursor, wait=0.3)
    assert answer == {"events": [], "cursor": cursor, "reset": None, "ended": []}
    assert time.monotonic() - began >= 0.3


# The server's end, and clients that misbehave


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_streams_and_answers_polls_before_it_goes(
    make_server: Callable[..., Server], number: signal.Signals
) -> None:
    """H03: open streams, a pending poll, an idle connection and a client that reads nothing."""
    server = make_server()
    with (
        httpx.Client(base_url=server.url, timeout=30) as http,
        Reader(server.url, "system") as one,
        Reader(server.url, "logs") as two,
        ThreadPoolExecutor(1) as pool,
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as idle,
    ):
        one.wait_for("HELLO")
        two.wait_for("HELLO")
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        waiting = pool.submit(poll, http, "system", after=one.seen[0].id, wait=25)
        wait_until(lambda: httpx.get(f"{server.url}/healthz", timeout=30).json()["streams"] == 3)
        assert server.stop(number) == 0
        one.wait_end()
        two.wait_end()
        assert (one.error, two.error) == (None, None)  # ended by itself, not cut when time is up
        assert waiting.result(10)["events"] == []
    assert not server.database_path.with_name("livequeue.db-wal").exists()
    assert "Traceback" not in server.log()


def stalled(server: Server, path: str = "/events/system") -> socket.socket:
    """A client that asks for something and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    ask(client, path)
    return client


def ask(client: socket.socket, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    client.sendall(head.encode())


def rss(server: Server) -> int:
    """Resident kilobytes of the server."""
    with open(f"/proc/{server.process.pid}/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_clients_that_read_nothing_cost_little_and_are_dropped(
    make_server: Callable[..., Server],
) -> None:
    """H22: bounded memory, others unaffected, and everything returned in the end."""
    server = make_server("--send-timeout", "2", "--window-bytes", "1000000")
    data = {"name": "n", "message": "m", "data": {"pad": "x" * 50_000}}
    with (
        httpx.Client(base_url=server.url, timeout=30) as http,
        Reader(server.url, "system") as reader,
        ThreadPoolExecutor(8) as pool,
    ):
        reader.wait_for("HELLO")

        def publish(total: int) -> None:
            posts = [pool.submit(http.post, "/api/events", json=data) for _ in range(200)]  # 10 MB
            for post in posts:
                post.result().raise_for_status()
            reader.wait_count(total + 1)

        publish(200)
        before = rss(server)  # with the database's caches full
        clients = [stalled(server) for _ in range(20)]
        wait_until(lambda: http.get("/healthz").json()["streams"] == 21)
        publish(400)
        # 200 MB were sent to them; the bound leaves room for what the allocator keeps.
        assert rss(server) - before < 40_000
        wait_until(lambda: http.get("/healthz").json()["streams"] == 1, 20, "the stalled to go")
        for client in clients:
            client.close()
    assert "Traceback" not in server.log()
    assert server.stop() == 0


def test_the_server_stops_in_time_although_a_client_takes_nothing(
    make_server: Callable[..., Server],
) -> None:
    server = make_server()
    with httpx.Client(base_url=server.url, timeout=30) as http, stalled(server):
        wait_until(lambda: http.get("/healthz").json()["streams"] == 1)
        data = {"name": "n", "message": "m", "data": {"pad": "x" * 500_000}}
        for _ in range(20):
            http.post("/api/events", json=data).raise_for_status()
        assert server.stop() == 0, server.log()


def test_the_server_stops_in_time_although_a_download_is_not_taken(
    make_server: Callable[..., Server],
) -> None:
    server = make_server()
    with httpx.Client(base_url=server.url, timeout=30) as http:
        task = create(http)
        text = "x" * 999 + "\n"
        http.post(f"/api/tasks/{task}/logs", content=text * 20_000, headers=PLAIN)
        with stalled(server, f"/api/tasks/{task}/logs?format=text") as client:
            assert client.recv(10) == b"HTTP/1.1 2"
            assert server.stop() == 0, server.log()


def test_a_download_waits_longer_for_its_client_than_a_stream(
    make_server: Callable[..., Server],
) -> None:
    """H28: `curl --limit-rate` takes megabytes at once, and then nothing for a minute."""
    server = make_server("--send-timeout", "1")
    with httpx.Client(base_url=server.url, timeout=30) as http:
        task = create(http)
        http.post(f"/api/tasks/{task}/logs", content=f"{'x' * 999}\n" * 12_000, headers=PLAIN)

        def a_stalled_stream_goes() -> None:
            data = {"name": "n", "message": "m", "data": {"pad": "x" * 500_000}}
            wait_until(lambda: http.get("/healthz").json()["streams"] == 1)
            for _ in range(20):
                http.post("/api/events", json=data).raise_for_status()
            wait_until(lambda: http.get("/healthz").json()["streams"] == 0, 20)

        with stalled(server, f"/api/tasks/{task}/logs?format=text") as client:
            with stalled(server):
                a_stalled_stream_goes()
            taken = b""
            size = 0
            while not taken.endswith(b"\r\n0\r\n\r\n"):
                received = client.recv(1_000_000)
                assert received, size
                size += len(received)
                taken = (taken + received)[-100:]
            assert size > 12_000_000
            ask(client, "/events/system")
            a_stalled_stream_goes()


def test_the_wal_stays_small_with_streams_open(server: Server, http: httpx.Client) -> None:
    """H28: no stream holds a read transaction, so the WAL can always be reused."""
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(Reader(server.url, "system")).wait_for("HELLO")
        stack.enter_context(stalled(server))
        data = {"name": "n", "message": "m", "data": {"pad": "x" * 500_000}}
        for _ in range(60):
            http.post("/api/events", json=data).raise_for_status()
        wait_until(lambda: http.get("/healthz").json()["wal_bytes"] < 20_000_000)
