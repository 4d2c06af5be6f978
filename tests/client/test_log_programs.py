"""Programs that log to LiveQueue, whole: how they begin, fork and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from e2e.fault_proxy import FaultProxy
from livequeue_client.connection import TIMEOUT
from tests.client.conftest import Tasks, log_of
from tests.conftest import Server, wait_until

Program = Callable[..., "subprocess.Popen[str]"]

HEAD = """
import asyncio, atexit, logging, logging.config, multiprocessing, os, signal, sys, threading, time
from livequeue_client import LiveQueue, LogHandler
log = logging.getLogger("app")
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Starts `nightly.py` with this text below a head; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, url: str, *options: str, head: str = HEAD) -> subprocess.Popen[str]:
        path = tmp_path / "nightly.py"
        path.write_text(head + dedent(text))
        process = subprocess.Popen(
            [sys.executable, *options, str(path)],
            env=os.environ | {"LIVEQUEUE_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    """Its output, stdout and stderr."""
    output = process.communicate(timeout=60)
    assert process.returncode == status, output
    return output


def test_a_task_from_the_first_record_to_the_end_of_the_program(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    text = f"""
    logging.basicConfig(level="INFO", handlers=[LogHandler()])
    log.info("started")
    log.debug("not this")
    while not os.path.exists({str(gate)!r}):
        time.sleep(0.01)
    log.warning("last")
    """
    process = program(text, server.url)
    (task,) = wait_until(tasks, what="the task")
    assert (task["name"], task["status"]) == ("nightly.py", "running")
    assert task["heartbeat_timeout"] == 60
    assert task["worker"].endswith(f":{process.pid}")
    gate.touch()
    assert ended(process) == ("", "")
    (task,) = tasks()
    assert task["status"] == "completed"
    assert log_of(http, task["id"]) == ["started", "last"]


def test_a_program_that_logs_nothing_makes_no_task(
    program: Program, server: Server, tasks: Tasks
) -> None:
    assert ended(program("log.addHandler(LogHandler())", server.url)) == ("", "")
    assert tasks() == []


def test_an_uncaught_exception_fails_the_task(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    text = "log.addHandler(LogHandler('import \\x07data'))\nlog.error('soon')\n1 / 0"
    assert "ZeroDivisionError" in ended(program(text, server.url), 1)[1]
    (task,) = tasks()
    assert (task["name"], task["status"]) == ("import  data", "failed")
    assert task["error"].startswith("Traceback")
    assert task["error"].endswith("ZeroDivisionError: division by zero\n")
    assert log_of(http, task["id"]) == ["soon"]


def test_configured_by_a_dictionary(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """Twice, as programs do together with their libraries: the first handlers are closed then."""
    text = """
    handler = {"class": "livequeue_client.LogHandler", "level": "INFO", "task": "import"}
    handler |= {"queue": "night", "labels": {"host": "a"}, "flush_timeout": 60}
    config = {"version": 1, "handlers": {"l": handler}, "root": {"handlers": ["l"]}}
    config |= {"disable_existing_loggers": False}
    log.addHandler(LogHandler("first", flush_timeout=60))
    log.warning("one")
    started = time.monotonic()
    logging.config.dictConfig(config)
    log.warning("two")
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    print(time.monotonic() - started)
    log.warning("three")
    """
    took, said = ended(program(text, server.url))
    assert float(took) < 30  # neither waited for itself
    assert not said
    first, second = sorted(tasks(), key=lambda task: str(task["name"]))
    assert (second["name"], second["queue"], second["labels"]) == ("import", "night", {"host": "a"})
    assert {first["status"], second["status"]} == {"completed"}
    assert log_of(http, first["id"]) == ["one", "two", "three"]
    assert log_of(http, second["id"]) == ["two", "three"]


def test_the_end_is_not_held_up_for_long(program: Program, server: Server) -> None:
    with FaultProxy.before(server.url) as proxy:
        proxy.set("black-hole")
        text = """
        handlers = [LogHandler(name, flush_timeout=1) for name in "abc"]
        logging.basicConfig(level="INFO", handlers=handlers)
        for n in range(100): log.info("%d", n)
        """
        said = ended(program(text, proxy.url))[1]
        assert said.count("livequeue: 100 log records were not delivered") == 3
        assert len(proxy.requests()) == 3  # the first of each was still waited for
        proxy.cut()


def test_that_the_end_is_not_delivered_is_said(
    program: Program, server: Server, tmp_path: Path
) -> None:
    with FaultProxy.before(server.url) as proxy:
        text = """
        handler = LogHandler(flush_timeout=1)
        log.addHandler(handler)
        log.error("hello")
        handler.flush()
        print(handler.task_id, flush=True)
        while not os.path.exists(sys.argv[0] + ".go"): time.sleep(0.01)
        """
        process = program(text, proxy.url)
        assert process.stdout is not None
        task = process.stdout.readline().strip()
        proxy.set("black-hole")
        proxy.cut()
        (tmp_path / "nightly.py.go").touch()
        said = ended(process)[1]
        assert f"livequeue: that task #{task} has ended was not delivered" in said
        proxy.cut()


def test_nobody_there(program: Program, nowhere: str) -> None:
    text = "log.addHandler(LogHandler(flush_timeout=0.5))\nlog.error('hello')"
    said = ended(program(text, nowhere))[1]
    assert said.count("\n") == 1
    assert "1 log records were not delivered ([Errno 111] Connection refused)" in said


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_child_processes(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks, way: str
) -> None:
    """Each record once, of the parent and of all children, whose end waits for theirs."""
    text = f"""
    def work(number, task):
        if not log.handlers:
            log.addHandler(LogHandler(task))
        for n in range(50):
            log.error("child %d %d", number, n)

    if __name__ == "__main__":
        context = multiprocessing.get_context({way!r})
        with LiveQueue().task("job") as task:
            log.addHandler(task.log_handler())
            for n in range(200):
                log.error("parent %d", n)
            children = [context.Process(target=work, args=(n, task.id)) for n in range(3)]
            for child in children: child.start()
            for n in range(200, 300):
                log.error("parent %d", n)
            for child in children: child.join()
    """
    assert ended(program(text, server.url)) == ("", "")
    (task,) = tasks()
    assert task["status"] == "completed"
    lines = log_of(http, task["id"])
    assert [line for line in lines if line[0] == "p"] == [f"parent {n}" for n in range(300)]
    for number in range(3):
        own = [line for line in lines if line.startswith(f"child {number} ")]
        assert own == [f"child {number} {n}" for n in range(50)]
    assert len(lines) == 450


def test_forks_at_any_moment(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """While the thread and two others are busy with the handler; a child neither hangs nor doubles.

    The task is made after the first fork, or before: its children write to the one they know.
    """
    text = """
    handler = LogHandler("job", flush_timeout=20)
    log.addHandler(handler)
    over = threading.Event()

    def busy(name):
        n = 0
        while not over.is_set():
            log.error("%s %d", name, n)
            n += 1
            time.sleep(0.0005)

    log.error("begin")
    handler.flush()
    threads = [threading.Thread(target=busy, args=(name,)) for name in "ab"]
    for thread in threads: thread.start()
    for number in range(30):
        pid = os.fork()
        if not pid:
            log.error("child %d", number)
            handler.flush()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    over.set()
    for thread in threads: thread.join()
    """
    assert ended(program(text, server.url, "-W", "ignore::DeprecationWarning")) == ("", "")
    (task,) = tasks()
    assert task["status"] == "completed"
    lines = log_of(http, task["id"])
    assert sorted(line for line in lines if line[0] == "c") == sorted(
        f"child {n}" for n in range(30)
    )
    for name in "ab":
        own = [line for line in lines if line.startswith(f"{name} ")]
        assert own == [f"{name} {n}" for n in range(len(own))]
        assert own


def test_a_task_may_be_reported_from_children(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    text = """
    with LiveQueue().task("job") as task:
        task.log("before")
        children = []
        for number in range(3):
            pid = os.fork()
            if not pid:
                for n in range(20): task.log(f"child {number} {n}")
                os._exit(0)
            children.append(pid)
        for n in range(20): task.log(f"parent {n}")
        for pid in children: assert os.waitpid(pid, 0)[1] == 0
    """
    assert ended(program(text, server.url)) == ("", "")
    (task,) = tasks()
    lines = log_of(http, task["id"])
    names = ["child 0", "child 1", "child 2", "parent"]
    assert sorted(lines) == sorted(
        ["before", *(f"{name} {n}" for name in names for n in range(20))]
    )


def test_each_child_that_is_forked_before_the_first_record_has_its_own_task(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    text = """
    log.addHandler(LogHandler("job"))
    pid = os.fork()
    log.error("child" if not pid else "parent")
    if pid:
        os.waitpid(pid, 0)
    """
    assert ended(program(text, server.url)) == ("", "")
    assert [task["status"] for task in tasks()] == ["completed"] * 2
    assert {log_of(http, task["id"])[0] for task in tasks()} == {"child", "parent"}


def test_records_of_the_very_end(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """The last of all can no longer be sent, but hangs nothing either."""
    text = """
    class Last:
        def __del__(self): log.error("of a destructor")
    last = Last()
    handler = LogHandler("job")
    log.addHandler(handler)
    atexit.register(log.error, "of atexit")
    threading.Thread(target=lambda: (time.sleep(0.2), log.error("of a thread"))).start()
    """
    assert ended(program(text, server.url)) == ("", "")
    (task,) = tasks()
    assert log_of(http, task["id"]) == ["of a thread", "of atexit"]


def test_records_after_the_end_of_the_task_come_late_but_come(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """Where something logs at exit that was there before us."""
    text = """
    import atexit, logging
    atexit.register(logging.getLogger("app").error, "after all")
    from livequeue_client import LogHandler
    logging.getLogger("app").addHandler(LogHandler("job"))
    logging.getLogger("app").error("first")
    """
    assert ended(program(text, server.url, head="")) == ("", "")
    (task,) = tasks()
    assert task["status"] == "completed"
    assert log_of(http, task["id"]) == ["first", "after all"]


def test_where_no_thread_can_be_started(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """As since Python 3.12 when the interpreter ends: who flushes sends."""
    text = """
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    threading.Thread.start = refuse
    handler = LogHandler("job")
    log.addHandler(handler)
    for n in range(3000): log.error("%d", n)
    handler.flush()
    log.error("last")
    """
    assert ended(program(text, server.url)) == ("", "")
    (task,) = tasks()
    assert task["status"] == "completed"
    assert log_of(http, task["id"]) == [*map(str, range(3000)), "last"]


def test_an_asyncio_program_is_not_held_up(program: Program, server: Server) -> None:
    with FaultProxy.before(server.url) as proxy:
        proxy.set("black-hole")
        text = """
        async def main():
            log.addHandler(LogHandler("job", flush_timeout=0.1, capacity=100))
            longest = 0.0
            for n in range(2000):
                started = time.perf_counter()
                log.error("%d", n)
                await asyncio.sleep(0)
                longest = max(longest, time.perf_counter() - started)
            print(longest)
        asyncio.run(main(), debug=True)
        """
        said = ended(program(text, proxy.url))[0]
        assert float(said) < TIMEOUT / 2  # no record waited for an answer
        proxy.cut()


def test_what_watches_our_requests_may_log(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """As libraries for tracing do: one handler's request must not become another's line."""
    text = """
    import httpx
    send = httpx.Client.send
    def traced(*arguments, **options):
        log.error("a request")
        return send(*arguments, **options)
    httpx.Client.send = traced
    handlers = [LogHandler("a"), LogHandler("b")]
    logging.basicConfig(level="INFO", handlers=handlers)
    for n in range(5):
        log.info("%d", n)
        for handler in handlers:
            handler.flush()
    httpx.Client(timeout=30).send(httpx.Request("GET", os.environ["LIVEQUEUE_URL"] + "/healthz"))
    """
    assert ended(program(text, server.url)) == ("", "")
    for task in tasks():
        lines = log_of(http, task["id"])
        assert lines[:6] == ["0", "1", "2", "3", "4", "a request"]
        assert lines[6].startswith("HTTP Request: GET")
        assert len(lines) == 7


def test_signal_handlers_may_log(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """They interrupt the main thread anywhere, also within the handler."""
    text = """
    log.addHandler(LogHandler("job", capacity=1_000_000, flush_timeout=30))
    count = 0
    def tick(number, frame):
        global count
        count += 1
        log.error("tick %d", count)
        if count < 200:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
    signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    n = 0
    while count < 200:
        log.error("%d", n)
        n += 1
    print(n)
    """
    count, said = ended(program(text, server.url))
    assert not said
    (task,) = tasks()
    lines = log_of(http, task["id"])
    assert [line for line in lines if line[0] == "t"] == [f"tick {n}" for n in range(1, 201)]
    assert [line for line in lines if line[0] != "t"] == [str(n) for n in range(int(count))]


def test_stderr_that_leads_back_into_the_log(program: Program, nowhere: str) -> None:
    text = """
    class ToLog:
        def write(self, text): log.error("%s", text.strip())
        def flush(self): pass
    log.addHandler(LogHandler("job", capacity=3, flush_timeout=0.5))
    sys.stderr = ToLog()
    for n in range(10):
        log.error("%d", n)
        time.sleep(0.05)
    log.error("%d", "wrong")
    """
    assert ended(program(text, nowhere)) == ("", "")


def test_a_quiet_program_lives_and_a_killed_one_is_noticed(
    program: Program, server: Server, tasks: Tasks
) -> None:
    text = """
    log.addHandler(LogHandler("job", heartbeat_timeout=5))
    log.error("hello")
    time.sleep(60)
    """
    process = program(text, server.url)
    begun = wait_until(tasks, what="the task")[0]["heartbeat_at"]
    wait_until(lambda: tasks()[0]["heartbeat_at"] > begun, what="a sign of life")
    assert tasks()[0]["status"] == "running"
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: tasks()[0]["status"] == "stalled", what="the end to be noticed")


def test_a_lost_answer_makes_no_second_task(
    program: Program, server: Server, http: httpx.Client, tasks: Tasks
) -> None:
    """Each request is carried out and its answer lost: the task, its lines, its end."""
    with FaultProxy.before(server.url) as proxy:
        proxy.set("drop-response")
        text = """
        log.addHandler(LogHandler("job", flush_timeout=20))
        for n in range(100): log.error("%d", n)
        time.sleep(1)
        """
        process = program(text, proxy.url)
        wait_until(tasks, what="the task")
        for request in ("/logs", "PATCH"):
            proxy.set("drop-response", match=request)
            proxy.wait_for(request, 2)
        proxy.set("pass")
        assert ended(process) == ("", "")
        (task,) = tasks()
        assert task["status"] == "completed"
        assert log_of(http, task["id"]) == [str(n) for n in range(100)]
