"""Log lines over HTTP: batches, streams, order, rewriting, reading."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Server, wait_until
from tests.routes.conftest import NewTask

Events = Callable[[str, str], list[dict[str, Any]]]
TEXT = {"Content-Type": "text/plain"}
NDJSON = {"Content-Type": "application/x-ndjson"}


class Log:
    """The log of one new task."""

    def __init__(self, http: httpx.Client, task_id: int) -> None:
        self.http = http
        self.id = task_id
        self.path = f"/api/tasks/{task_id}/logs"

    def send(self, *texts: str, **fields: Any) -> dict[str, Any]:
        body = {"lines": [{"text": text} for text in texts]} | fields
        answer = self.http.post(self.path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def read(self, **query: Any) -> dict[str, Any]:
        answer = self.http.get(self.path, params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def texts(self, **query: Any) -> list[str]:
        return [line["text"] for line in self.read(**query)["lines"]]


@pytest.fixture
def log(http: httpx.Client, new_task: NewTask) -> Log:
    return Log(http, new_task()["id"])


def test_lines_are_numbered_in_order(log: Log) -> None:
    assert log.send("a", "b") == {"accepted": 2, "last": 2, "cancel_requested": False}
    log.send("c")
    answer = log.read()
    assert [(line["n"], line["text"]) for line in answer["lines"]] == [(1, "a"), (2, "b"), (3, "c")]
    assert set(answer["lines"][0]) == {"n", "time", "level", "stream", "text"}
    assert (answer["total"], answer["ended"]) == (3, False)


def test_the_first_line_starts_a_tracked_task(http: httpx.Client, new_task: NewTask) -> None:
    log = Log(http, new_task(status="pending")["id"])
    log.send("hello")
    assert http.get(f"/api/tasks/{log.id}").json()["status"] == "running"


def test_late_lines_of_a_finished_task_are_kept(log: Log) -> None:
    log.http.patch(f"/api/tasks/{log.id}", json={"status": "failed"})
    log.send("last words")
    answer = log.read()
    assert answer["ended"] is True
    assert answer["lines"][0]["text"] == "last words"
    assert log.http.get(f"/api/tasks/{log.id}").json()["status"] == "failed"


def test_a_repeated_batch_is_stored_once(log: Log) -> None:
    """Case H25."""
    first = log.send("a", "b", producer="p", batch=1)
    again = log.send("a", "b", producer="p", batch=1)
    assert again == first | {"accepted": 0, "duplicate": True}
    log.send("c", producer="p", batch=2)
    log.send("other", producer="q", batch=1)
    assert log.send("late", producer="p", batch=1)["duplicate"] is True
    assert log.texts() == ["a", "b", "c", "other"]


def retry(log: Log) -> None:
    """The next attempt of its task."""
    log.http.patch(f"/api/tasks/{log.id}", json={"status": "failed"})
    assert log.http.post(f"/api/tasks/{log.id}/retry").status_code == 200


@pytest.fixture
def retried(http: httpx.Client, new_task: NewTask) -> Log:
    """The log of a task that may be retried."""
    return Log(http, new_task(claimable=True)["id"])


def test_a_new_attempt_begins_a_new_numbering(retried: Log) -> None:
    log = retried
    for batch in (1, 2):
        log.send(f"first attempt {batch}", producer="p", batch=batch)
    retry(log)
    for _ in range(2):  # each is delivered twice
        for batch in (1, 2, 3):
            log.send(f"second attempt {batch}", producer="p", batch=batch, attempt=2)
    assert log.texts() == [
        "first attempt 1",
        "first attempt 2",
        "second attempt 1",
        "second attempt 2",
        "second attempt 3",
    ]


def test_a_batch_of_no_attempt_is_not_guessed_about(retried: Log) -> None:
    """It may be a batch of the first attempt again, or the first one of the second."""
    log = retried
    log.send("a", producer="p", batch=5)
    retry(log)
    for _ in range(2):
        answer = log.http.post(
            log.path, json={"producer": "p", "batch": 5, "lines": [{"text": "a"}]}
        )
        assert answer.status_code == 409
        assert "`attempt`" in answer.json()["detail"]
        log.send("b", producer="p", batch=1, attempt=2)
    log.send("goes on counting", producer="p", batch=6)
    assert log.texts() == ["a", "b", "goes on counting"]


def test_lines_of_a_new_attempt_replace_none_of_the_one_before(retried: Log) -> None:
    log = retried

    def send(text: str, **fields: int) -> int:
        body = {"producer": "p", "lines": [{"text": text, "line": 1}]} | fields
        return log.http.post(log.path, json=body).status_code

    assert (send("10 %"), send("20 %")) == (200, 200)
    retry(log)
    assert send("5 %") == 409
    assert (send("6 %", attempt=2), send("7 %", attempt=2)) == (200, 200)
    assert log.texts() == ["20 %", "7 %"]


def test_a_stream_is_of_the_attempt_in_which_it_began(server: Server, retried: Log) -> None:
    log = retried

    def status_after_a_retry(path: str, line: bytes) -> int:
        stream = Drip(server, path, TEXT)
        before = log.read()["total"]
        stream.push(line)
        wait_until(lambda: log.read()["total"] > before)
        retry(log)
        stream.push(b"late\n")
        return stream.finish().status_code

    path = f"{log.path}?producer=p&batch=1"
    assert status_after_a_retry(path, b"first\n") == 409
    assert status_after_a_retry(log.path, b"of nobody\n") == 409
    assert log.http.post(path, content=b"first\nmore\n", headers=TEXT).status_code == 409
    for _ in range(2):
        log.http.post(f"{path}&attempt=3", content=b"first\nmore\n", headers=TEXT)
    assert log.texts() == ["first", "of nobody", "first", "more"]


def test_a_key_is_known_in_every_attempt(retried: Log) -> None:
    log = retried
    headers = TEXT | {"Idempotency-Key": f"log of {log.id}"}
    log.http.post(log.path, content=b"once\n", headers=headers)
    retry(log)
    answer = log.http.post(log.path, content=b"once\n", headers=headers)
    assert answer.json()["duplicate"] is True
    assert log.texts() == ["once"]


def test_parallel_senders_keep_each_their_order(server: Server, log: Log) -> None:
    def send(name: str) -> None:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
            for batch in range(1, 11):
                lines = [{"text": f"{name} {batch}.{n}"} for n in range(10)]
                body = {"producer": name, "batch": batch, "lines": lines}
                for _ in range(2):  # each is delivered twice
                    assert client.post(log.path, json=body).status_code == 200

    threads = [threading.Thread(target=send, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = log.read(limit=5000)["lines"]
    assert [line["n"] for line in lines] == list(range(1, 301))
    for name in "abc":
        mine = [line["text"] for line in lines if line["text"].startswith(name)]
        assert mine == [f"{name} {batch}.{n}" for batch in range(1, 11) for n in range(10)]


def test_a_rewritten_line_keeps_its_place(log: Log, cursor: str, events_since: Events) -> None:
    """Case H02: how progress bars travel."""

    def send(number: int, text: str, batch: int) -> None:
        lines = [{"text": text, "line": number}]
        body = {"producer": "p", "batch": batch, "lines": lines}
        assert log.http.post(log.path, json=body).status_code == 200

    send(1, "10 %", 1)
    log.send("from elsewhere")
    send(1, "20 %", 2)
    send(2, "done", 3)
    assert log.texts() == ["20 %", "from elsewhere", "done"]
    events = [event for event in events_since(f"task:{log.id}", cursor) if event["type"] == "LOG"]
    numbers = [[line["n"] for line in event["data"]["lines"]] for event in events]
    assert numbers == [[1], [2], [1], [3]]


@pytest.mark.parametrize("text", ["a\u2028b\u2029c\u0085d\fe\x1cf\x1dg\x1eh\x0bi", "ä 漢 🚀", ""])
def test_a_line_comes_back_byte_for_byte(log: Log, text: str) -> None:
    """Case H24."""
    log.send(text)
    record = json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n"
    log.http.post(log.path, content=record, headers=NDJSON)
    assert log.texts() == [text, text]
    assert log.http.get(f"{log.path}?format=text").content == f"{text}\n".encode() * 2
    downloaded = log.http.get(f"{log.path}?format=ndjson").text.splitlines()
    assert [json.loads(line)["text"] for line in downloaded] == [text, text]


def test_what_no_text_can_hold_is_replaced(log: Log) -> None:
    body = rb'{"lines": [{"text": "nul \u0000 half \ud83d pair \ud83d\ude00"}]}'
    answer = log.http.post(log.path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert log.texts() == ["nul \N{REPLACEMENT CHARACTER} half \N{REPLACEMENT CHARACTER} pair 😀"]


def test_a_stream_of_text(log: Log) -> None:
    content = b"one\ntwo\r\n10%\r20%\r\n\xff\xfe bad\nno end"
    answer = log.http.post(f"{log.path}?stream=stderr&level=error", content=content, headers=TEXT)
    assert answer.json() == {"accepted": 5, "last": 5, "cancel_requested": False}
    bad = "\N{REPLACEMENT CHARACTER}" * 2
    assert log.texts() == ["one", "two", "20%", f"{bad} bad", "no end"]
    assert {(line["stream"], line["level"]) for line in log.read()["lines"]} == {
        ("stderr", "error")
    }


class Drip:
    """A request body that is sent piece by piece, when the test says so."""

    def __init__(self, server: Server, path: str, headers: dict[str, str]) -> None:
        self._pieces: list[bytes | None] = []
        self._more = threading.Condition()
        self.answer: httpx.Response | None = None

        def run() -> None:
            with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
                self.answer = client.post(path, content=self._send(), headers=headers)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def _send(self) -> Iterator[bytes]:
        while True:
            with self._more:
                assert self._more.wait_for(lambda: self._pieces, 20)
                piece = self._pieces.pop(0)
            if piece is None:
                return
            yield piece

    def push(self, piece: bytes | None) -> None:
        with self._more:
            self._pieces.append(piece)
            self._more.notify()

    def finish(self) -> httpx.Response:
        self.push(None)
        self._thread.join(20)
        assert self.answer is not None
        return self.answer


def test_a_stream_is_committed_while_it_arrives(server: Server, log: Log) -> None:
    drip = Drip(server, log.path, TEXT)
    drip.push(b"first\n 10 %")
    wait_until(lambda: log.texts() == ["first", " 10 %"])
    drip.push(b"\r 20 %")
    wait_until(lambda: log.texts() == ["first", " 20 %"])
    drip.push(b"\r")
    drip.push(b"\nlast \xe6\xbc")
    drip.push(b"\xa2\n")
    assert drip.finish().json()["last"] == 3
    assert log.texts() == ["first", " 20 %", "last 漢"]


def test_a_stream_sent_again_stores_only_what_is_new(server: Server, log: Log) -> None:
    lines = [f"line {number}" for number in range(500)]
    whole = "".join(f"{line}\n" for line in lines).encode()
    path = f"{log.path}?producer=p&batch=1"
    cut = Drip(server, path, NDJSON)  # the first try breaks off in the middle
    cut.push(b"".join(b'{"text": "line %d"}\n' % number for number in range(300)))
    wait_until(lambda: log.read(tail=1)["total"] == 300)
    cut.push(b"not json\n")
    assert cut.finish().status_code == 400
    records = b"".join(b'{"text": "line %d"}\n' % number for number in range(500))
    assert log.http.post(path, content=records, headers=NDJSON).json()["accepted"] == 200
    assert log.texts(limit=5000) == lines
    again = log.http.post(path, content=records, headers=NDJSON).json()
    assert again == {
        "accepted": 0,
        "last": 500,
        "cancel_requested": False,
        "duplicate": True,
    }
    key = {"Idempotency-Key": f"stream of {log.id}"}
    for _ in range(2):
        log.http.post(log.path, content=whole, headers=TEXT | key)
    assert log.read(tail=1)["total"] == 1000


def test_a_stream_begun_anew_stores_nothing_twice_though_the_first_goes_on(
    server: Server, log: Log
) -> None:
    """A sender gives up before the server knows; what is on its way still arrives."""
    path = f"{log.path}?producer=p&batch=1"

    def records(first: int, last: int) -> bytes:
        return b"".join(b'{"text": "line %d"}\n' % number for number in range(first, last))

    given_up = Drip(server, path, NDJSON)
    given_up.push(records(0, 300))
    wait_until(lambda: log.read(tail=1)["total"] == 300)
    anew = Drip(server, path, NDJSON)
    anew.push(records(0, 400))
    wait_until(lambda: log.read(tail=1)["total"] == 400)
    given_up.push(records(300, 450))
    assert given_up.finish().status_code == 409
    anew.push(records(400, 500))
    assert anew.finish().json()["accepted"] == 200
    assert log.texts(limit=5000) == [f"line {number}" for number in range(500)]


def test_a_bad_record_is_named_and_those_before_it_are_kept(log: Log) -> None:
    content = b'{"text": "a"}\n\n{"text": "b"}\n{"text": 5}\n{"text": "c"}\n'
    answer = log.http.post(log.path, content=content, headers=NDJSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "records[3].text"
    assert log.texts() == ["a", "b"]


def test_a_record_without_end_is_refused(log: Log) -> None:
    answer = log.http.post(log.path, content=b'{"text": "' + b"x" * 2**21, headers=NDJSON)
    assert answer.status_code == 413
    assert "1 MiB" in answer.json()["detail"]


def test_a_stream_may_be_larger_than_any_body(log: Log) -> None:
    line = b"x" * 199 + b"\n"
    chunks = (line * 1000 for _ in range(100))  # 20 MB
    answer = log.http.post(log.path, content=chunks, headers=TEXT, timeout=60)
    assert answer.json() == {"accepted": 100_000, "last": 100_000, "cancel_requested": False}


def test_a_long_line_is_split_with_a_mark(log: Log) -> None:
    """Case H09."""
    text = "ä" * 35_000  # 70,000 bytes
    log.send(text)
    log.http.post(log.path, content=text.encode() + b"\nok\n", headers=TEXT)
    lines = log.texts()
    assert lines[-1] == "ok"
    assert all(len(line.encode()) <= 16 * 1024 for line in lines)
    marked = [line for line in lines[:-1] if line.endswith(" ⏎…")]
    assert len(marked) == len(lines) - 1 - 2  # all but the two last pieces
    assert "".join(line.removesuffix(" ⏎…") for line in lines[:-1]) == text * 2


def test_one_event_is_at_most_64_kib(log: Log, cursor: str, events_since: Events) -> None:
    log.send(*("x" * 1000 for _ in range(300)))
    events = [event for event in events_since(f"task:{log.id}", cursor) if event["type"] == "LOG"]
    assert len(events) > 4
    sizes = [len(json.dumps(event["data"])) for event in events]
    assert max(sizes) < 80 * 1024
    numbers = [line["n"] for event in events for line in event["data"]["lines"]]
    assert numbers == list(range(1, 301))


def test_reading(log: Log) -> None:
    lines = [
        {"text": f"line {n}", "level": "error" if n % 2 else "info", "stream": f"s{n % 3}"}
        for n in range(1, 31)
    ]
    assert log.http.post(log.path, json={"lines": lines}).status_code == 200
    assert log.texts(**{"from": 29}) == ["line 29", "line 30"]
    assert log.texts(**{"from": 5, "limit": 2}) == ["line 5", "line 6"]
    assert log.texts(tail=2) == ["line 29", "line 30"]
    assert log.texts(tail=0) == []
    assert log.texts(level="error", limit=2) == ["line 1", "line 3"]
    assert log.texts(level=["error", "info"], tail=1) == ["line 30"]
    assert log.texts(stream="s0", tail=1) == ["line 30"]
    assert log.texts(q="line 2", tail=2) == ["line 28", "line 29"]
    assert log.texts(q="%") == []
    assert log.texts(q="[") == []
    assert log.read(q="line 2")["total"] == 30


def test_downloads_are_plain_text(log: Log) -> None:
    """Case H29: a browser must never take a log for a page."""
    log.send("<script>alert(1)</script>", *(f"line {n}" for n in range(2500)))
    answer = log.http.get(f"{log.path}?format=text")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.text.count("\n") == 2501
    assert answer.text.startswith("<script>alert(1)</script>\nline 0\n")


def test_a_download_can_be_posted_to_another_task(log: Log, new_task: NewTask) -> None:
    moment = "2026-01-01T00:00:00.123Z"
    lines = [
        {"text": "\x1b[31mred", "level": "error", "stream": "app.db", "fields": {"rows": 3}},
        {"text": "a\u2028b", "time": moment},
        {"text": ""},
    ]
    assert log.http.post(log.path, json={"lines": lines}).status_code == 200
    records = log.http.get(f"{log.path}?format=ndjson").content
    other = Log(log.http, new_task()["id"])
    other.send("is there already")
    for _ in range(2):
        answer = log.http.post(
            f"{other.path}?producer=import&batch=1", content=records, headers=NDJSON
        )
        assert answer.status_code == 200, answer.text
    before, after = log.read()["lines"], other.read()["lines"][1:]
    assert [line["n"] for line in after] == [2, 3, 4]
    for one, two in zip(before, after, strict=True):
        assert two["sent_at"] == one.get("sent_at", one["time"])
        for name in ("text", "level", "stream", "fields", "sgr"):
            assert two.get(name) == one.get(name)
    assert after[1]["sent_at"] == moment
    of_all = log.http.get(f"/api/logs?format=ndjson&task={log.id}").content
    assert log.http.post(other.path, content=of_all, headers=NDJSON).json()["accepted"] == 3


def test_a_download_is_clean_unless_it_is_wanted_raw(log: Log) -> None:
    text = "\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 a\u2028b\x85c\x0cd\x1ce"
    clean = "red link a\u2028b\x85c\x0cd\x1ce"
    log.send(text)
    for query, found in (("", clean), ("&raw=true", text), ("&raw=false", clean)):
        assert log.http.get(f"{log.path}?format=text{query}").content.decode() == found + "\n"
    for query, found in (("", text), ("&raw=true", text), ("&raw=false", clean)):
        record = json.loads(log.http.get(f"{log.path}?format=ndjson{query}").content)
        assert record["text"] == found
        assert set(record) == {"n", "time", "level", "stream", "text"}


def test_a_download_does_not_seem_whole_when_the_task_is_deleted_meanwhile(
    http: httpx.Client, log: Log
) -> None:
    line = b"x" * 16_000 + b"\n"
    content = (line * 250 for _ in range(10))  # 40 MB: more than is on its way at any time
    assert http.post(log.path, content=content, headers=TEXT).json()["last"] == 2500
    with http.stream("GET", log.path, params={"format": "text"}) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        assert httpx.delete(f"{http.base_url}/api/tasks/{log.id}", timeout=30).status_code == 204
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in pieces:
                pass


def test_a_download_takes_what_the_filters_let_through(log: Log) -> None:
    lines = [
        {"text": f"line {n}", "level": "error" if n % 7 == 0 else "info"} for n in range(1, 12_001)
    ]
    assert log.http.post(log.path, json={"lines": lines}).status_code == 200
    answer = log.http.get(f"{log.path}?format=text&level=error&from=100&to=11000")
    expected = [f"line {n}" for n in range(1, 12_001) if n % 7 == 0 and 100 <= n <= 11_000]
    assert answer.text.splitlines() == expected
    answer = log.http.get(f"{log.path}?format=text&from=5&to=11001")
    assert answer.text.splitlines() == [f"line {n}" for n in range(5, 11_002)]


def test_a_download_ends_where_the_log_ended_when_it_began(log: Log) -> None:
    text = "x" * 1000
    lines = "".join(f"{n} {text}\n" for n in range(20_000))  # more than waits on the way
    assert log.http.post(log.path, content=lines, headers=TEXT).status_code == 200
    with log.http.stream("GET", f"{log.path}?format=text") as answer:
        chunks = answer.iter_bytes()
        body = next(chunks)
        with httpx.Client(base_url=log.http.base_url, trust_env=False, timeout=30) as other:
            assert other.post(log.path, json={"lines": [{"text": "late"}]}).status_code == 200
        body += b"".join(chunks)
    assert body.decode() == lines


def test_the_newest_lines_can_be_downloaded(log: Log) -> None:
    log.send(*(f"line {n}" for n in range(20)))
    assert log.http.get(f"{log.path}?format=text&tail=2").text == "line 18\nline 19\n"
    assert log.http.get(f"{log.path}?format=text&tail=2&q=7").text == "line 7\nline 17\n"


@pytest.mark.parametrize(
    ("name", "ascii", "shown"),
    [
        ("nightly backup", "nightly-backup-ID", "nightly%20backup-ID"),
        ("数据导入", "ID", "%E6%95%B0%E6%8D%AE%E5%AF%BC%E5%85%A5-ID"),
        ('../../etc/passwd"; x="', "etc-passwd-x-ID", "etc-passwd-%3B%20x%3D--ID"),
        ("a\\b:c*d?", "a-b-c-d-ID", "a-b-c-d--ID"),
        ("naïve 🚀", "na-ve-ID", "na%C3%AFve%20%F0%9F%9A%80-ID"),
        (".", "ID", "ID"),
    ],
)
def test_a_download_is_named_after_its_task(
    http: httpx.Client, new_task: NewTask, name: str, ascii: str, shown: str
) -> None:
    task = str(new_task(name=name)["id"])
    header = http.get(f"/api/tasks/{task}/logs?format=text").headers["Content-Disposition"]
    ascii, shown = ascii.replace("ID", task), shown.replace("ID", task)
    assert header == f"attachment; filename=\"{ascii}.log\"; filename*=UTF-8''{shown}.log"


def test_an_earlier_attempt_is_fenced_out(http: httpx.Client, new_task: NewTask) -> None:
    log = Log(http, new_task(status="failed", claimable=True)["id"])
    assert http.post(f"/api/tasks/{log.id}/retry").status_code == 200
    body = {"lines": [{"text": "x"}], "attempt": 1}
    assert http.post(log.path, json=body).status_code == 409
    stream = http.post(f"{log.path}?attempt=1", content=b"x\n", headers=TEXT)
    assert stream.status_code == 409
    assert log.texts() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": {}},
        {"lines": [{}]},
        {"lines": [{"text": None}]},
        {"lines": [{"text": "x", "level": "loud"}]},
        {"lines": [{"text": "x", "stream": ""}]},
        {"lines": [{"text": "x", "line": 1}]},
        {"lines": [], "batch": 1},
        {"lines": [], "producer": "p\nq", "batch": 1},
        {"lines": [], "producer": "p" * 65, "batch": 1},
        {"lines": [], "producer": "p", "batch": 0},
    ],
)
def test_wrong_batches_store_nothing(log: Log, body: dict[str, Any]) -> None:
    answer = log.http.post(log.path, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert log.read()["total"] == 0


def test_cancellation_travels_with_the_answer(http: httpx.Client, new_task: NewTask) -> None:
    log = Log(http, new_task(heartbeat_timeout=60)["id"])
    http.post(f"/api/tasks/{log.id}/cancel")
    assert log.send("x")["cancel_requested"] is True
