"""`livequeue run` against a real server: what it shows, and that nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.fault_proxy import FaultProxy
from livequeue_client.delivery import PACE
from livequeue_client.lines import CUT
from tests.client.conftest import Run, Tasks, in_terminal, log_of, read_until, task_when
from tests.conftest import Server, wait_until


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy.before(server.url) as proxy:
        yield proxy


@pytest.fixture
def only_task(tasks: Tasks) -> Callable[[], dict[str, Any]]:
    def one() -> dict[str, Any]:
        found: dict[str, Any] = wait_until(tasks, 10, "the task")[0]
        assert len(tasks()) == 1
        return found

    return one


def shell(script: str) -> list[str]:
    return ["run", "--name", "job", "--", "sh", "-c", script]


def python(script: str) -> list[str]:
    return ["run", "--name", "job", "--", sys.executable, "-c", script]


def until(gate: Path) -> str:
    return f"until [ -e '{gate}' ]; do sleep 0.02; done"


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # nobody may be there to collect it


def spooled(spool: Path) -> int:
    return sum(batch.read_bytes().count(b"line ") for batch in spool.glob("*/*.batch"))


def more_lines(http: httpx.Client, least: int) -> bool:
    return len(log_of(http, 1)) > least


def test_a_run_from_start_to_end(
    livequeue: Run, server: Server, http: httpx.Client, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    script = f"echo 1/4; echo 2/4 files; printf 'no line end'; {until(gate)}; echo; echo 3/4 files"
    process = livequeue(*shell(script), url=server.url)
    task = task_when(http, 1, status="running", progress=50, current=2, total=4, unit="files")
    assert task["heartbeat_timeout"] == 60
    assert task["name"] == "job"
    task_when(http, 1, message="no line end")
    assert log_of(http, 1) == ["1/4", "2/4 files", "no line end"]
    gate.touch()
    assert process.communicate(timeout=60) == (b"1/4\n2/4 files\nno line end\n3/4 files\n", b"")
    task = task_when(http, 1, status="completed", progress=100)
    assert task["message"] == "3/4 files"
    assert task["result"] == {"exit_status": 0}
    assert log_of(http, 1) == ["1/4", "2/4 files", "no line end", "3/4 files"]


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        (["sh", "-c", "echo 40%; echo words; exit 3"], 3, "exit status 3\n40%\nwords"),
        (["sh", "-c", "kill -9 $$"], 137, "killed by SIGKILL (signal 9)"),
        (["no-such-command"], 127, "no-such-command: command not found"),
        (["/etc/passwd"], 126, "/etc/passwd: cannot be run (Permission denied)"),
    ],
)
def test_failures(
    livequeue: Run, server: Server, http: httpx.Client, command: list[str], status: int, reason: str
) -> None:
    assert livequeue("run", "--", *command, url=server.url).wait(timeout=60) == status
    task = task_when(http, 1, status="failed")
    assert task["error"] == reason
    assert task["result"] == {"exit_status": status}
    assert task["progress"] == (40 if "40%" in reason else None)


def test_a_bar_that_rewrites_its_line(livequeue: Run, server: Server, http: httpx.Client) -> None:
    script = (
        "import sys, time\n"
        "for n in range(2000):\n"
        "    sys.stdout.write(f'\\r {n / 20:.0f}%'); sys.stdout.flush(); time.sleep(0.001)\n"
        "sys.stdout.write('\\r 100%\\r'); sys.stdout.flush(); time.sleep(0.1)\n"
        "sys.stdout.write('\\ndone\\nfile\\r\\n')"
    )
    begun = time.monotonic()
    assert livequeue(*python(script), url=server.url).wait(timeout=60) == 0
    took = time.monotonic() - begun
    assert log_of(http, 1) == [" 100%", "done", "file"]
    assert http.get("/api/tasks/1").json()["version"] < 10 + took / PACE


def test_nested_bars(livequeue: Run, server: Server, http: httpx.Client) -> None:
    script = (
        "import sys, time\n"
        "for outer in range(4):\n"
        "    for inner in range(6):\n"
        "        sys.stderr.write(f'\\n\\rinner {inner}/5\\x1b[A\\router {outer}/3')\n"
        "        sys.stderr.flush(); time.sleep(0.02)\n"
        "sys.stderr.write('\\n\\n')"
    )
    assert livequeue(*python(script), url=server.url).wait(timeout=60) == 0
    assert log_of(http, 1) == ["outer 3/3", "inner 5/5"]


def test_bytes_that_are_no_text(livequeue: Run, server: Server, http: httpx.Client) -> None:
    script = (
        "import os, sys\n"
        "os.write(1, b'bad \\x97\\xc0\\xff end\\n' + b'x' * 79 + b'\\n')\n"
        "os.write(1, (b'y' * 79 + b'\\n') * 13000)\n"
        "os.write(1, b'later\\x00\\n')\n"
        "sys.exit(3)"
    )
    process = livequeue(*python(script), url=server.url, stdout=subprocess.DEVNULL)
    assert process.wait(timeout=60) == 3
    assert task_when(http, 1, status="failed")["error"].endswith("later\ufffd")
    lines = log_of(http, 1)
    assert lines[0] == "bad \ufffd\ufffd\ufffd end"
    assert lines[-1] == "later\ufffd"
    assert len(lines) == 13_003


def test_lines_without_end(livequeue: Run, server: Server, http: httpx.Client) -> None:
    script = (
        "import sys\n"
        "print('x' * 70_000)\n"
        "for _ in range(100): sys.stdout.write('y' * 100_000)\n"
        "print(); print('ok')"
    )
    process = livequeue(*python(script), url=server.url, stdout=subprocess.DEVNULL)
    assert process.wait(timeout=60) == 0
    lines = log_of(http, 1)
    assert lines[-1] == "ok"
    assert max(len(line.encode()) for line in lines) <= 16 * 1024
    assert "".join(line.removesuffix(CUT) for line in lines[:-1]) == "x" * 70_000 + "y" * 10**7


def test_only_line_ends_end_lines(livequeue: Run, server: Server, http: httpx.Client) -> None:
    line = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei"
    process = livequeue("run", "--", "printf", "%s\\n", line, url=server.url)
    assert process.communicate(timeout=60)[0].decode() == line + "\n"
    assert log_of(http, 1) == [line]
    assert http.get("/api/tasks/1/logs?format=text").content.decode() == line + "\n"


def test_a_grandchild_holds_the_output(livequeue: Run, server: Server, http: httpx.Client) -> None:
    process = livequeue(*shell("sleep 60 & echo $!; exit 4"), url=server.url)
    assert process.stdout
    grandchild = int(process.stdout.readline())
    try:
        assert process.wait(timeout=20) == 4
        os.kill(grandchild, 0)
    finally:
        os.kill(grandchild, signal.SIGKILL)
    assert task_when(http, 1, status="failed")["error"] == f"exit status 4\n{grandchild}"


@pytest.mark.parametrize(
    ("trap", "status", "reason"),
    [
        ("exit 7", 7, "cancelled: exit status 7"),
        ("", 137, "cancelled: killed by SIGKILL (signal 9)"),
    ],
)
def test_cancelling(
    livequeue: Run, server: Server, http: httpx.Client, trap: str, status: int, reason: str
) -> None:
    script = f"trap '{trap}' TERM; echo ready; while :; do sleep 0.05; done"
    options = ["run", "--grace", "0.5", "--", "sh", "-c", script]
    process = livequeue(*options, url=server.url)
    task_when(http, 1, message="ready")
    answer = http.post("/api/tasks/1/cancel").json()
    assert answer["cancel_requested"]
    assert process.wait(timeout=60) == status
    assert task_when(http, 1, status="cancelled")["error"] == reason


def test_cancelling_in_a_terminal_ends_what_the_command_started(
    server: Server, http: httpx.Client, spool: Path
) -> None:
    command = ["sh", "-c", "sleep 300 & echo $!; wait"]
    with in_terminal(*command, url=server.url, spool=spool) as (pid, terminal):
        grandchild = int(read_until(terminal, b"\n"))
        task_when(http, 1, message=str(grandchild))
        http.post("/api/tasks/1/cancel").raise_for_status()
        task_when(http, 1, status="cancelled")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 143
        wait_until(lambda: not alive(grandchild), 10, "the end of the grandchild")


def test_a_second_count_starts_anew(
    livequeue: Run, server: Server, http: httpx.Client, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    script = f"seq -f '%g/3' 3; {until(first)}; echo '1 of 4 pages'; {until(second)}; exit 2"
    process = livequeue(*shell(script), url=server.url)
    task_when(http, 1, progress=100, current=3)
    first.touch()
    task_when(http, 1, progress=25, current=1, total=4, unit="pages")
    second.touch()
    assert process.wait(timeout=60) == 2
    assert task_when(http, 1, status="failed")["progress"] == 25


def test_a_task_cancelled_by_force_ends_its_command(
    livequeue: Run, server: Server, http: httpx.Client
) -> None:
    process = livequeue(*shell("echo ready; sleep 60"), url=server.url)
    task_when(http, 1, message="ready")
    http.post("/api/tasks/1/cancel", json={"force": True}).raise_for_status()
    assert process.wait(timeout=60) == 143


def test_lost_answers_double_nothing(
    livequeue: Run,
    proxy: FaultProxy,
    http: httpx.Client,
    only_task: Callable[[], dict[str, Any]],
    tmp_path: Path,
) -> None:
    """Each request is carried out and its answer lost, at the start, in the middle, at the end."""
    middle, end = tmp_path / "middle", tmp_path / "end"
    script = f"seq 50; {until(middle)}; seq 51 100; {until(end)}; echo over"
    proxy.set("drop-response")
    process = livequeue(*shell(script), url=proxy.url)
    wait_until(lambda: http.get("/api/tasks").json()["tasks"], 10, "the task, without our knowing")
    proxy.set("pass")
    task = only_task()
    wait_until(lambda: len(log_of(http, task["id"])) == 50, 10, "the first lines")
    proxy.set("drop-response", match="/logs")
    middle.touch()
    wait_until(lambda: len(log_of(http, task["id"])) == 100, 10, "the next lines")
    proxy.set("pass")
    proxy.set("drop-response", match="PATCH")
    end.touch()
    task_when(http, task["id"], status="completed")
    proxy.set("pass")
    assert process.wait(timeout=60) == 0
    assert log_of(http, task["id"]) == [*map(str, range(1, 101)), "over"]
    only_task()


def test_a_server_that_restarts(
    livequeue: Run, server: Server, http: httpx.Client, spool: Path, tmp_path: Path
) -> None:
    """Stopped and killed in the middle of the output: all lines, once, in order."""
    enough = tmp_path / "enough"
    script = f"n=0; until [ -e {enough} ]; do n=$((n+1)); echo line $n; sleep 0.01; done; echo $n"
    process = livequeue(*shell(script), url=server.url, stdout=subprocess.DEVNULL)
    for stop in (server.stop, server.kill):
        stored = len(log_of(http, 1))
        wait_until(partial(more_lines, http, stored + 20), 10, "more lines")
        stop()
        wait_until(lambda: spooled(spool) > 20, 10, "lines that wait for the server")
        server.start()
    enough.touch()
    assert process.wait(timeout=60) == 0
    task_when(http, 1, status="completed")
    *lines, count = log_of(http, 1)
    assert lines == [f"line {n}" for n in range(1, int(count) + 1)]
    assert not list(spool.iterdir())


def test_a_server_that_comes_late(
    livequeue: Run, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = make_server()
    server.stop()
    process = livequeue(*shell(f"echo early; {until(tmp_path / 'gate')}"), url=server.url)
    assert process.stderr
    assert b"cannot reach" in process.stderr.readline()
    server.start()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        wait_until(lambda: http.get("/api/tasks").json()["tasks"], 15, "the task")
        task_when(http, 1, message="early")
        (tmp_path / "gate").touch()
        assert process.wait(timeout=60) == 0
        task_when(http, 1, status="completed")
        assert log_of(http, 1) == ["early"]


def test_what_was_left_is_delivered_once(
    livequeue: Run, make_server: Callable[..., Server], spool: Path, tmp_path: Path
) -> None:
    """By the next run, or by flush; also what a killed wrapper left."""
    gate = tmp_path / "gate"
    server = make_server()
    server.stop()
    assert livequeue(*shell("seq 3; exit 5"), url=server.url).wait(timeout=60) == 5
    killed = livequeue(*shell(f"echo started; {until(gate)}"), url=server.url)
    wait_until(lambda: any(b"started" in f.read_bytes() for f in spool.glob("*/*.batch")), 10)
    killed.kill()
    killed.wait()
    gate.touch()
    assert len(list(spool.iterdir())) == 2
    server.start()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        assert livequeue(*shell("echo third"), url=server.url).wait(timeout=60) == 0
        task_when(http, 1, status="completed")
        assert log_of(http, 1) == ["third"]
        assert task_when(http, 2, status="failed")["error"] == "exit status 5\n1\n2\n3"
        assert log_of(http, 2) == ["1", "2", "3"]
        assert "killed" in task_when(http, 3, status="failed")["error"]
        assert log_of(http, 3) == ["started"]
        assert not list(spool.iterdir())
        process = livequeue("flush", url=server.url)
        assert process.communicate(timeout=60)[0] == b"0 delivered, 0 kept\n"
        assert len(http.get("/api/tasks").json()["tasks"]) == 3
        server.stop()
        livequeue(*shell("echo fourth"), url=server.url).wait(timeout=60)
        assert livequeue("flush", url=server.url).wait(timeout=60) == 1
        server.start()
        assert livequeue("flush", url=server.url).wait(timeout=60) == 0
        assert log_of(http, 4) == ["fourth"]


def test_a_refused_task_is_said_and_the_command_runs(livequeue: Run, server: Server) -> None:
    process = livequeue(
        "run", "--queue", "no such/queue", "--", "sh", "-c", "exit 9", url=server.url
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 9
    (warning,) = errors.decode().splitlines()
    assert "queue" in warning


def test_a_server_that_is_something_else(livequeue: Run, proxy: FaultProxy) -> None:
    proxy.set("html")
    process = livequeue(*shell("exit 8"), url=proxy.url)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 8
    (warning,) = errors.decode().splitlines()
    assert "cannot reach" in warning
