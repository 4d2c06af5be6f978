"""Against somebody's own deployment the suite cleans up what it makes and touches nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e import run
from e2e.boxes import BOXES, Certificate
from e2e.server import Server, environment

pytestmark = pytest.mark.owned

ROOT = Path(__file__).parent.parent
STATES = ("pending", "running", "completed", "failed", "cancelled")
OLD = run.MARK + ".20200101T000000Z.0123abcd.4567cdef"
YOUNG = run.new_queue()
# Somebody may name queues like ours, but not quite.
LOOKALIKES = (run.MARK, f"{run.MARK}.20200101T000000Z", f"{OLD}.more", f"my-{OLD}", YOUNG)
QUICK = ["e2e/test_live_updates.py", "-k", "new_task or flood or toast or notice or deleted"]

Suite = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def theirs(server: Server) -> Server:
    """A server full of other people's tasks, with logs."""
    api = server.api
    for queue in ("default", "nightly", *LOOKALIKES):
        for status in STATES:
            task = api.create(f"{status} job", queue=queue, status=status, labels={"of": "others"})
            api.append(task, "one", "two")
    return server


@pytest.fixture
def suite(theirs: Server, tmp_path: Path) -> Iterator[Suite]:
    """Starts the suite against that server, in a process group of its own."""
    started = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["--artifacts", str(tmp_path / "kept"), "--base-url", theirs.url, *arguments]
        with (tmp_path / "suite.log").open("a") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment(),
                start_new_session=True,
                # Ctrl-C is ignored by whatever a shell runs in the background, and by its children.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def rows(server: Server) -> dict[int, Any]:
    """All tasks there are, with their logs."""
    api = server.api
    answer = api.call("GET", "/api/tasks?limit=500&sort=id")
    assert answer["next"] is None
    logs = {
        task["id"]: api.call("GET", f"/api/tasks/{task['id']}/logs")["lines"]
        for task in answer["tasks"]
    }
    # What is counted from now on changes by itself.
    moving = ("rate", "eta_seconds", "duration_seconds")
    return {
        task["id"]: {k: v for k, v in task.items() if k not in moving} | {"log": logs[task["id"]]}
        for task in answer["tasks"]
    }


def events(server: Server, after: str) -> list[Any]:
    """What the log of events has since then."""
    found: list[Any] = []
    while True:
        page = server.api.call("GET", f"/events/system,logs?after={after}&wait=0&limit=1000")
        assert page["reset"] is None
        if not page["events"]:
            return found
        found += page["events"]
        after = page["cursor"]


def head(server: Server) -> str:
    cursor: str = server.api.call("GET", "/events/system")["cursor"]
    return cursor


def expect_untouched(server: Server, before: dict[int, Any], cursor: str) -> None:
    assert rows(server) == before
    about = {
        event["data"].get("id", event["data"].get("task_id")) for event in events(server, cursor)
    }
    assert not about & before.keys(), "events of other people's tasks"


def wait_for(suite: "subprocess.Popen[str]", tmp_path: Path) -> str:
    suite.wait(timeout=100)
    return (tmp_path / "suite.log").read_text()


def test_it_leaves_all_others_alone(theirs: Server, suite: Suite, tmp_path: Path) -> None:
    before, cursor = rows(theirs), head(theirs)
    process = suite(*QUICK)
    said = wait_for(process, tmp_path)
    assert process.returncode == 0, said
    assert len({event["data"].get("id") for event in events(theirs, cursor)}) > 5
    expect_untouched(theirs, before, cursor)


def test_tests_that_fail_clean_up_too(theirs: Server, suite: Suite, tmp_path: Path) -> None:
    """All of them fail: the proxy that the browser is told to use is not there."""
    before, cursor = rows(theirs), head(theirs)
    process = suite("e2e/test_task_page.py", "--proxy", "http://127.0.0.1:1", "--maxfail", "2")
    said = wait_for(process, tmp_path)
    assert process.returncode != 0
    assert "2 failed" in said or "2 errors" in said, said
    assert any(event["type"] == "TASK_CREATED" for event in events(theirs, cursor))
    expect_untouched(theirs, before, cursor)


@pytest.mark.parametrize("processes", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_it_cleans_up_when_interrupted(
    theirs: Server, suite: Suite, tmp_path: Path, processes: list[str]
) -> None:
    """Ctrl-C goes to all processes at once, while tests have tasks and pages open."""
    before, cursor = rows(theirs), head(theirs)
    process = suite("e2e/test_quiet_streams.py", *processes)
    limit, after, created = time.monotonic() + 60, cursor, False
    while not created:
        assert time.monotonic() < limit
        assert process.poll() is None, wait_for(process, tmp_path)
        answer = theirs.api.call("GET", f"/events/system?after={after}&wait=5")
        after = answer["cursor"]
        created = any(event["type"] == "TASK_CREATED" for event in answer["events"])
    os.killpg(process.pid, signal.SIGINT)
    said = wait_for(process, tmp_path)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, said
    expect_untouched(theirs, before, cursor)


def test_what_killed_runs_left_goes_a_day_later(
    theirs: Server, suite: Suite, tmp_path: Path
) -> None:
    before, cursor = rows(theirs), head(theirs)
    for status in STATES:
        theirs.api.create("left behind", queue=OLD, status=status)
    process = suite(*QUICK[:2], "new_task")
    said = wait_for(process, tmp_path)
    assert process.returncode == 0, said
    assert f"removed what an earlier run had left: the tasks of queue {OLD}" in said
    expect_untouched(theirs, before, cursor)


def test_under_a_path_behind_a_proxy_with_a_self_signed_certificate(
    theirs: Server, suite: Suite, tmp_path: Path
) -> None:
    """nginx takes the path off; actions on pages and the fault proxy work through it too."""
    nginx = BOXES["nginx"]
    if not nginx.installed():
        pytest.skip(f"{nginx.program} is not installed: it comes with {nginx.package}")
    before, cursor = rows(theirs), head(theirs)
    upstream = ("127.0.0.1", theirs.port)
    certificate = Certificate.make(tmp_path)
    with nginx(tmp_path / "nginx", upstream, prefix="/dash", tls=certificate) as box:
        chosen = "before_it_cancels or search_by_name or body"
        files = ["e2e/test_keyboard.py", "e2e/test_filters.py", "e2e/test_ladder.py"]
        process = suite(*files, "-k", chosen, "--insecure", "--base-url", box.url)
        said = wait_for(process, tmp_path)
    assert process.returncode == 0, said
    assert "3 passed" in said
    expect_untouched(theirs, before, cursor)
