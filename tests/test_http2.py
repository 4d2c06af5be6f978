"""HTTP/2 connections whose clients stall, leave, or do what nobody should."""

from __future__ import annotations

import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from h2.errors import ErrorCodes

from app.incoming import UNREAD
from tests import certificates
from tests.conftest import Server, serving, wait_until
from tests.http2 import Client
from tests.stream.test_streams import create, rss

STREAM = ("accept", "text/event-stream")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    return certificates.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, files: certificates.Files) -> Iterator[Server]:
    flags = [*files.flags, "--send-timeout", "3", "--max-body", "1000000"]
    with serving(tmp_path_factory.mktemp("server"), *flags) as server:
        yield server


@pytest.fixture(scope="module")
def http(server: Server, files: certificates.Files) -> Iterator[httpx.Client]:
    verify = ssl.create_default_context(cafile=files.cert)
    with httpx.Client(base_url=server.url, verify=verify, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def log(http: httpx.Client) -> tuple[str, bytes]:
    """The address of a log of 40 MB, and its text."""
    task = create(http)
    text = b"".join(b"%09d %s\n" % (n, b"x" * 989) for n in range(40_000))
    http.post(
        f"/api/tasks/{task}/logs", content=text, headers={"Content-Type": "text/plain"}
    ).raise_for_status()
    return f"/api/tasks/{task}/logs?format=text", text


def test_a_download_waits_for_its_client(
    server: Server, log: tuple[str, bytes], files: certificates.Files
) -> None:
    """As Hypercorn alone has it, all of it would be in memory at once."""
    path, text = log
    before = rss(server)
    with Client(server.url, files.cert, reads=False) as client:
        stream = client.ask(path)
        client.until(lambda: len(client.bodies[stream]) == 65535)
        for _ in range(8):  # longer than the send time-out in all, but never that long at once
            client.open_window(stream, 100_000)
            wanted = len(client.bodies[stream]) + 100_000
            client.until(lambda wanted=wanted: len(client.bodies[stream]) == wanted)  # type: ignore[misc]
            client.receive(0.5)
        assert rss(server) - before < 20_000
        client._reads = True
        client.open_window(stream, 2**30)
        assert client.finish(stream, 60) == text


def test_a_download_nobody_takes_is_dropped(
    server: Server, log: tuple[str, bytes], files: certificates.Files
) -> None:
    path, text = log
    with Client(server.url, files.cert, reads=False) as client:
        began = time.monotonic()
        for _ in range(5):
            client.ask(path)
        client.until(lambda: len(client.reset) == 5, 30)
        assert time.monotonic() - began >= 3
        assert not client.ended
        # The connection is alive, and others never noticed.
        with Client(server.url, files.cert) as other:
            assert other.finish(other.ask(path), 60) == text


def test_one_stalled_stream_does_not_hold_up_the_others_of_its_connection(
    server: Server, http: httpx.Client, files: certificates.Files
) -> None:
    with Client(server.url, files.cert, reads=False) as client:
        stalled = client.ask("/events/system", headers=[STREAM])
        client.until(lambda: b"HELLO" in client.bodies[stalled])
        # Its own window is shut, the connection's is not.
        for _ in range(3):
            http.post("/api/events", json={"name": "n", "data": {"pad": "x" * 40_000}})
        client.until(lambda: len(client.bodies[stalled]) >= 65_000)
        client._h2.increment_flow_control_window(2**24)
        client.flush()
        assert b"ok" in client.finish(client.ask("/healthz"))
        assert b"data-root" in client.finish(client.ask("/tasks"))
        client.until(lambda: stalled in client.reset)
        wait_until(lambda: http.get("/healthz").json()["streams"] == 0)


def test_what_clients_leave_is_forgotten(
    server: Server, http: httpx.Client, files: certificates.Files
) -> None:
    """More than a thousand: no more fit into Hypercorn's list of priorities."""
    cursor = http.get("/events/system").json()["cursor"]
    with Client(server.url, files.cert) as client:
        for _ in range(30):
            streams = [client.ask("/events/system", headers=[STREAM]) for _ in range(25)]
            streams += [client.ask(f"/events/logs?after={cursor}&wait=20") for _ in range(25)]
            client.until(lambda streams=streams: all(s in client.status for s in streams[:25]))  # type: ignore[misc]
            for stream in streams:
                client.cancel(stream)
        assert b"ok" in client.finish(client.ask("/healthz"))
        wait_until(lambda: http.get("/healthz").json()["streams"] == 0)


def reset_stream(client: Client, number: int) -> bytes:
    stream: int = client._h2.get_next_available_stream_id()
    fields = [(":method", "GET"), (":path", "/tasks"), (":scheme", "https"), (":authority", "x")]
    client._h2.send_headers(stream, fields, end_stream=True)
    client._h2.reset_stream(stream)
    return client._h2.data_to_send()


def frame(kind: int, stream: int = 0, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, 0]) + stream.to_bytes(4) + payload


FLOODS: dict[str, Callable[[Client, int], bytes]] = {
    "reset": reset_stream,  # CVE-2023-44487
    "priority": lambda client, n: frame(2, 2 * n + 5, bytes(4) + b"x"),  # CVE-2019-9513
    "settings": lambda client, n: frame(4),  # CVE-2019-9515
    "ping": lambda client, n: frame(6, 0, b"12345678"),  # CVE-2019-9512
    "window": lambda client, n: frame(8, 0, b"\0\0\0\1"),
    "unknown": lambda client, n: frame(0x42),
    "data": lambda client, n: frame(0, 1),  # CVE-2019-9518, for the body of the first stream
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_connection_that_only_makes_work_is_ended(
    server: Server, files: certificates.Files, kind: str
) -> None:
    """Some is fine, as browsers and proxies have reason for it; the others never notice."""
    make = FLOODS[kind]
    ended_before = server.log().count("only makes work")
    with Client(server.url, files.cert) as client, Client(server.url, files.cert) as other:
        first = client.ask("/api/tasks", "POST", end=False, headers=[("content-type", "text/x")])
        client.send_bytes(b"".join(make(client, n) for n in range(500)))
        assert b"ok" in client.finish(client.ask("/healthz"))
        if first not in client.ended:
            assert not client.goodbye
        with suppress(OSError):
            for chunk in range(10, 50):
                client.send_bytes(b"".join(make(client, chunk * 100 + n) for n in range(100)))
        client.until(lambda: client.goodbye)
        assert client.reason == ErrorCodes.ENHANCE_YOUR_CALM
        assert b"ok" in other.finish(other.ask("/healthz"))
    assert server.log().count("only makes work") == ended_before + 1


def test_a_held_back_body_holds_up_no_other_stream(
    server: Server, http: httpx.Client, files: certificates.Files
) -> None:
    """Another program holds the database's lock, so nothing of the log can be stored."""
    task = create(http)
    line = b"x" * 9999 + b"\n"

    def is_open() -> bool:
        if client._h2.local_flow_control_window(log) < len(line):
            client.receive(0.3)
        return client._h2.local_flow_control_window(log) >= len(line)

    with (
        closing(sqlite3.connect(server.database_path, isolation_level=None)) as database,
        Client(server.url, files.cert) as client,
    ):
        kind = ("content-type", "text/plain")
        log = client.ask(f"/api/tasks/{task}/logs", "POST", end=False, headers=[kind])
        client.send(log, line)
        wait_until(lambda: http.get(f"/api/tasks/{task}/logs").json()["total"] == 1)
        database.execute("BEGIN IMMEDIATE")
        for _ in range(UNREAD // len(line)):
            client.send(log, line)
        while is_open():
            client.send(log, line)
        assert b"ok" in client.finish(client.ask("/healthz"))
        assert b"data-root" in client.finish(client.ask("/tasks"))
        other = client.ask("/api/tasks", "POST", end=False, headers=[kind])
        client.send(other, line, end=True)
        client.finish(other)
        assert client.status[other] == 415
        assert log not in client.ended
        database.execute("ROLLBACK")
        client.send(log, line, end=True)
        client.finish(log)
        assert client.status[log] < 300


def test_a_body_may_go_on_after_its_refusal(server: Server, files: certificates.Files) -> None:
    with Client(server.url, files.cert) as client:
        kind = ("content-type", "application/json")
        stream = client.ask("/api/tasks", "POST", end=False, headers=[kind])
        for _ in range(100):
            client.send(stream, b"x" * 16_000)
            client.receive(0.001)
        client.finish(stream)
        assert client.status[stream] == 413
        if stream not in client.reset:
            client.send(stream, b"x" * 1000, end=True)
        assert b"ok" in client.finish(client.ask("/healthz"))


@pytest.mark.parametrize("path", ["/caf\xe9", "*", "//", "/%ff", "?x", "%61://["])
def test_odd_targets(server: Server, files: certificates.Files, path: str) -> None:
    with Client(server.url, files.cert) as client:
        stream = client.ask(path)
        client.until(lambda: stream in client.ended or stream in client.reset)
        assert client.status.get(stream, 404) in (302, 404)
        assert b"ok" in client.finish(client.ask("/healthz"))


def test_connect_is_no_way_through(server: Server, files: certificates.Files) -> None:
    with Client(server.url, files.cert) as client:
        stream = client._h2.get_next_available_stream_id()
        client.bodies[stream] = bytearray()
        client._h2.send_headers(
            stream, [(":method", "CONNECT"), (":authority", "evil.example:443")], end_stream=True
        )
        client.flush()
        client.until(lambda: stream in client.ended or stream in client.reset)
        assert b"ok" in client.finish(client.ask("/healthz"))


def test_without_tls_too(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """HTTP/2 with prior knowledge, as proxies speak it."""
    server = make_server()
    with httpx.Client(http1=False, http2=True, timeout=30) as client:
        answer = client.get(f"{server.url}/healthz")
        assert answer.http_version == "HTTP/2"
