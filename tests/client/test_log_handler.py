"""Python logging into a task's log, within one program; `test_log_programs.py` has whole ones."""

from __future__ import annotations

import json
import logging
import logging.config
import logging.handlers
import math
import queue as queues
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.fault_proxy import FaultProxy
from livequeue_client import LiveQueue, LogHandler, Task
from tests.client.conftest import log_of
from tests.conftest import Server, serving, wait_until
from tests.sse import Reader

Attach = Callable[..., logging.Logger]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def queue(server: Server) -> Iterator[LiveQueue]:
    with LiveQueue(server.url) as queue:
        yield queue


@pytest.fixture
def task(queue: LiveQueue) -> Task:
    return queue.task("job")


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy.before(server.url) as proxy:
        yield proxy


@pytest.fixture
def attach() -> Iterator[Attach]:
    """A logger with these handlers only, which are closed at the end."""
    before = senders()
    loggers: list[logging.Logger] = []

    def to(*handlers: logging.Handler, name: str = "app.db") -> logging.Logger:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(1)
        logger.handlers = list(handlers)
        loggers.append(logger)
        return logger

    yield to
    for logger in loggers:
        for handler in logger.handlers:
            handler.close()
        logger.handlers = []
        logger.propagate = True
    wait_until(lambda: senders() <= before, 60, "the end of the threads")


def senders() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "livequeue-log"}


def lines_of(http: httpx.Client, task: Task) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = http.get(f"/api/tasks/{task.id}/logs").json()["lines"]
    return lines


def test_a_record_keeps_what_it_says(task: Task, http: httpx.Client, attach: Attach) -> None:
    handler = task.log_handler()
    log = attach(handler)
    log.debug("first %s", {"a": 1})
    log.log(25, "between two levels")
    log.log(5, "finest")
    log.critical("")
    log.warning("two\nlines\u2028and\x0bno\x85more\n")
    logging.getLogger("app.db.pool").error("of another logger")
    attach(handler, name="x" * 70).info("a long name")
    handler.flush()
    lines = [(line["level"], line["stream"], line["text"]) for line in lines_of(http, task)]
    assert lines == [
        ("debug", "app.db", "first {'a': 1}"),
        ("info", "app.db", "between two levels"),
        ("trace", "app.db", "finest"),
        ("critical", "app.db", ""),
        ("warning", "app.db", "two"),
        ("warning", "app.db", "lines\u2028and\x0bno\x85more"),
        ("error", "app.db.pool", "of another logger"),
        ("info", "…" + "x" * 63, "a long name"),
    ]


def test_an_exception_is_lines_in_order(task: Task, http: httpx.Client, attach: Attach) -> None:
    handler = task.log_handler()
    log = attach(handler)
    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError:
        log.exception("could not divide")
    log.info("later", stack_info=True)
    handler.flush()
    texts = log_of(http, task.id)
    assert texts[:2] == ["could not divide", "Traceback (most recent call last):"]
    end = texts.index("ZeroDivisionError: by nought")
    assert texts[end + 1 : end + 3] == ["later", "Stack (most recent call last):"]
    levels = [line["level"] for line in lines_of(http, task)]
    assert levels == ["error"] * (end + 1) + ["info"] * (len(texts) - end - 1)


def test_time_is_the_records_own(task: Task, http: httpx.Client, attach: Attach) -> None:
    handler = task.log_handler()
    log = attach(handler)
    for created in (1e9 + 0.25, 1e20, math.nan):
        log.handle(logging.makeLogRecord({"msg": "old", "levelno": 20, "created": created}))
    handler.flush()
    first, *others = lines_of(http, task)
    assert first["sent_at"] == "2001-09-09T01:46:40.250Z"
    assert [line.get("sent_at") for line in others] == [None, None]


def test_what_extra_adds_is_kept_as_fields(task: Task, http: httpx.Client, attach: Attach) -> None:
    handler = task.log_handler()
    log = attach(handler)
    rows = [1, 2]
    log.info(
        "saved\nall", extra={"rows": rows, "user": "å 🚀", "took": 0.25, "ok": True, "no": None}
    )
    rows.append(3)
    log.info("plain")
    logging.LoggerAdapter(log, {"request": "ab"}).info("adapted")
    handler.flush()
    assert [line.get("fields") for line in lines_of(http, task)] == [
        {"rows": [1, 2], "user": "å 🚀", "took": 0.25, "ok": True, "no": None},
        None,
        None,
        {"request": "ab"},
    ]


class Odd:
    def __str__(self) -> str:
        return "an odd object"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("broken")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


circle: list[Any] = []
circle.append(circle)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Path("/tmp/x"), "/tmp/x"),
        (ValueError("wrong"), "ValueError('wrong')"),
        ({"at": Odd(), "raw": b"\xff"}, {"at": "an odd object", "raw": "b'\\xff'"}),
        (math.nan, "nan"),
        ([1, math.inf], "[1, inf]"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        ({1: 2, None: 3}, {"1": 2, "null": 3}),
        (circle, "[[...]]"),
        ({1}, "{1}"),
        (10**30, 10**30),
        (1e300, 1e300),
        ("NUL \0 and half a pair \ud83d", "NUL \0 and half a pair \ufffd"),
        (nested(10), nested(10)),
        (nested(30), json.dumps(nested(30))),
        (nested(5000), None),
        (Broken(), None),
        ("x" * 20_000, None),
        ("\x01🚀" * 20_000, None),
        (list(range(1_000_000)), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_is_kept_or_shown(
    task: Task, http: httpx.Client, attach: Attach, value: Any, kept: Any
) -> None:
    """What JSON does not have or is too large is text; the record comes in any case."""
    handler = task.log_handler()
    log = attach(handler)
    log.info("odd", extra={"value": value, "next": 1})
    handler.flush()
    (line,) = lines_of(http, task)
    assert line["text"] == "odd"
    if kept is not None:
        assert line["fields"] == {"value": kept, "next": 1}
    else:
        shown = line["fields"]["value"]
        assert isinstance(shown, str)
        assert shown.endswith("…") or "object at" in shown
        assert line["fields"].get("next") == 1 or line["fields"]["…"] == "1 more"


def test_more_fields_than_there_is_room_for(task: Task, http: httpx.Client, attach: Attach) -> None:
    handler = task.log_handler()
    log = attach(handler)
    log.info("many", extra={f"key {n}": "é" * 100 for n in range(100)})
    handler.flush()
    (line,) = lines_of(http, task)
    kept = [value for key, value in line["fields"].items() if key != "…"]
    assert line["fields"]["…"] == f"{100 - len(kept)} more"
    assert 20 < len(kept) < 100
    assert all(value.strip("é") in ("", "…") for value in kept)


def test_filters_levels_and_formatters_are_those_of_any_handler(
    task: Task, http: httpx.Client, attach: Attach
) -> None:
    handler = LogHandler(task, level="WARNING")
    handler.setFormatter(logging.Formatter("%(levelname)s! %(message)s"))

    def public(record: logging.LogRecord) -> bool:
        return "secret" not in record.getMessage()

    handler.addFilter(public)
    log = attach(handler)
    log.info("too quiet")
    log.error("secret")
    log.error("loud")
    handler.flush()
    assert log_of(http, task.id) == ["ERROR! loud"]


def test_what_cannot_be_formatted_is_said_as_by_any_handler(
    task: Task, http: httpx.Client, attach: Attach, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = task.log_handler()
    log = attach(handler)
    log.info("%d", "no number")
    log.info("%s", Broken())
    log.info("half a pair \ud83d, NUL \0, and \x1b[31mred\x1b[0m")
    handler.flush()
    assert log_of(http, task.id) == ["half a pair \ufffd, NUL \ufffd, and \x1b[31mred\x1b[0m"]
    assert capsys.readouterr().err.count("--- Logging error ---") == 2


def test_a_huge_record_is_cut_and_a_long_one_comes_whole(
    task: Task, http: httpx.Client, attach: Attach
) -> None:
    handler = task.log_handler(flush_timeout=60)
    log = attach(handler)
    log.info("\n".join(map(str, range(70_000))))
    log.info("x" * 1_500_000)
    log.info("next")
    handler.flush()
    texts = log_of(http, task.id)
    assert texts[:70_000] == list(map(str, range(70_000)))
    assert texts[-2].endswith("x… (451,424 characters more)")
    assert texts[-1] == "next"


def test_many_threads_log_each_record_once_and_in_their_order(
    task: Task, http: httpx.Client, attach: Attach
) -> None:
    handler = task.log_handler()
    log = attach(handler)

    def work(number: int) -> None:
        for n in range(1000):
            log.info("%d %d", number, n)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.flush()
    texts = log_of(http, task.id)
    assert len(texts) == 5000
    for number in range(5):
        own = [text for text in texts if text.startswith(f"{number} ")]
        assert own == [f"{number} {n}" for n in range(1000)]


def test_lost_answers_double_nothing(
    task: Task, proxy: FaultProxy, http: httpx.Client, attach: Attach
) -> None:
    proxy.set("drop-response", match="/logs")
    handler = LogHandler(task.id, url=proxy.url)
    log = attach(handler)
    for n in range(50):
        log.info("line %d", n)
    proxy.wait_for("/logs", 3)
    for n in range(50, 100):
        log.info("line %d", n)
    proxy.set("pass")
    handler.flush()
    assert log_of(http, task.id) == [f"line {n}" for n in range(100)]


def test_a_server_that_restarts(make_server: Callable[..., Server], attach: Attach) -> None:
    server = make_server()
    with (
        LiveQueue(server.url) as queue,
        httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http,
    ):
        task = queue.task("job")
        handler = task.log_handler(flush_timeout=30)
        log = attach(handler)
        stops: list[Callable[[], object]] = [server.stop, server.kill]
        for n, stop in enumerate(stops):
            log.info("before %d", n)
            handler.flush()
            stop()
            log.info("while it is away %d", n)
            server.start()
        handler.flush()
        expected = [f"{when} {n}" for n in range(2) for when in ("before", "while it is away")]
        assert log_of(http, task.id) == expected
        handler.close()


def test_a_full_queue_drops_the_oldest_and_says_how_many(
    task: Task,
    proxy: FaultProxy,
    http: httpx.Client,
    attach: Attach,
    capsys: pytest.CaptureFixture[str],
) -> None:
    proxy.set("502")
    handler = LogHandler(task.id, url=proxy.url, capacity=100)
    log = attach(handler)
    log.info("on its way")
    proxy.wait_for("/logs")
    for n in range(1, 1235):
        log.info("line %d", n)
    proxy.wait_for("/logs", 4)
    proxy.set("pass")
    handler.flush()
    remark = "… 1,134 log records dropped, queue full"
    kept = [f"line {n}" for n in range(1135, 1235)]
    assert log_of(http, task.id) == ["on its way", remark, *kept]
    assert lines_of(http, task)[1]["level"] == "warning"
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2, said
    assert f"log records do not reach {proxy.url} (HTTP 502); up to 100 of them wait" in said[0]
    assert "1,134 log records were not delivered" in said[1]


def test_a_server_that_never_answers_holds_nobody_up(
    task: Task, proxy: FaultProxy, attach: Attach
) -> None:
    proxy.set("black-hole")
    handler = LogHandler(task.id, url=proxy.url, flush_timeout=2)
    log = attach(handler)
    log.info("first")
    proxy.wait_for("/logs")
    for n in range(20_000):
        log.info("line %d", n)
    started = time.perf_counter()
    handler.flush()
    flushed = time.perf_counter()
    assert flushed - started >= 2
    handler.close()
    assert time.perf_counter() - flushed < 2  # not the same wait once more
    assert len(proxy.requests("/logs")) == 1  # all this while it was waited for the first answer
    proxy.set("pass")
    proxy.cut()


def test_who_flushes_does_not_hold_up_who_logs(
    task: Task, proxy: FaultProxy, attach: Attach
) -> None:
    """logging.shutdown flushes with the handler's lock held, if it has one."""
    proxy.set("black-hole")
    handler = LogHandler(task.id, url=proxy.url, flush_timeout=60)
    log = attach(handler)
    log.info("first")
    proxy.wait_for("/logs")
    closing = threading.Thread(target=logging.config.dictConfig, args=[{"version": 1}])
    closing.start()
    log.info("second")
    assert closing.is_alive()
    proxy.set("pass")
    proxy.cut()
    closing.join()


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, which is afterwards as it was."""
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    for handler in logger.handlers:
        if handler not in handlers:
            handler.close()
    logger.handlers = handlers
    logger.setLevel(level)


def test_our_own_requests_are_not_news(
    task: Task, http: httpx.Client, root: logging.Logger, server: Server
) -> None:
    """Neither in our log, where each would cause another, nor on the program's console."""
    other: logging.handlers.BufferingHandler = logging.handlers.BufferingHandler(10_000)
    indirect: queues.SimpleQueue[logging.LogRecord] = queues.SimpleQueue()
    handlers = [task.log_handler(), LogHandler(task.id, url=server.url)]
    listener = logging.handlers.QueueListener(indirect, *handlers)
    listener.start()
    root.handlers = [other, logging.handlers.QueueHandler(indirect), *handlers]
    root.setLevel(1)
    root.info("hello")
    task.update(progress=3)
    for handler in handlers:
        handler.flush()
    listener.stop()
    for handler in handlers:
        handler.close()
    root.handlers = []  # the test's own requests are news
    texts = [line["text"] for line in http.get(f"/api/tasks/{task.id}/logs").json()["lines"]]
    assert texts == ["hello"] * 4
    assert [record.getMessage() for record in other.buffer] == ["hello"]


def test_configuring_logging_anew_does_not_wait_for_itself(
    task: Task, proxy: FaultProxy, http: httpx.Client, root: logging.Logger
) -> None:
    """It flushes with the lock held that a logger needs to look up whether a level is enabled."""
    proxy.set("black-hole")
    handler = LogHandler(task.id, url=proxy.url, flush_timeout=60)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.info("before")
    proxy.wait_for("/logs")
    root.setLevel(logging.DEBUG)  # the loggers forget what is enabled
    proxy.set("pass")
    threading.Timer(0.3, proxy.cut).start()
    started = time.perf_counter()
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    assert time.perf_counter() - started < 30
    root.info("after")  # it was closed, but is still in use
    handler.flush()
    assert log_of(http, task.id) == ["before", "after"]


def test_who_follows_the_log_has_all_of_it_when_the_task_ends(
    queue: LiveQueue, server: Server, attach: Attach
) -> None:
    with queue.task("job") as task:
        log = attach(task.log_handler())
        with Reader(server.url, f"task:{task.id}") as reader:
            reader.wait_for("HELLO")
            for n in range(3):
                log.info("line %d", n)
            task.complete()
            reader.wait_for("END")
    texts = [
        line["text"] for f in reader.events for line in f.data.get("data", {}).get("lines", [])
    ]
    assert texts == ["line 0", "line 1", "line 2"]
    assert reader.events[-1].event == "TASK_COMPLETED"


def test_a_cancellation_is_heard(task: Task, http: httpx.Client, attach: Attach) -> None:
    task.update(heartbeat_timeout=60)
    handler = task.log_handler()
    log = attach(handler)
    http.post(f"/api/tasks/{task.id}/cancel").raise_for_status()
    log.info("still here")
    handler.flush()
    assert task.cancel_requested


def test_a_task_that_is_gone_is_said_once(
    task: Task, http: httpx.Client, attach: Attach, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = task.log_handler()
    log = attach(handler)
    http.delete(f"/api/tasks/{task.id}").raise_for_status()
    for n in range(3):
        log.info("line %d", n)
        handler.flush()
    assert "no longer delivered: There is no task #" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"url": "nonsense"}, "not a server address"),
        ({"queue": "a b"}, "queue: must match"),
        ({"colour": "red"}, "colour: is not a known field"),
        ({"token": "se\ncret"}, "the token has characters that no token has"),
    ],
)
def test_what_cannot_work_is_said_and_breaks_nothing(
    server: Server,
    attach: Attach,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, Any],
    reason: str,
) -> None:
    handler = LogHandler("job", **{"url": server.url} | options)
    log = attach(handler)
    log.info("hello")
    handler.flush()
    log.info("again")
    (said,) = capsys.readouterr().err.splitlines()
    assert said.count(reason) == 1
    assert "cret" not in said


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="queue"):
        LogHandler(7, queue="x")
    with pytest.raises(ValueError, match="capacity"):
        LogHandler("x", capacity=0)
    with pytest.raises(ValueError, match="Unknown level"):
        LogHandler("x", level="LOUD")
