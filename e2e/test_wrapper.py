"""`livequeue run` with real commands, watched in the browser from the first line to the end."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.elements import LOG_TEXTS, Row, expect_live, expect_log, tasks_url
from e2e.pages import Pages
from e2e.server import environment, livequeue

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(api: Api, request: pytest.FixtureRequest) -> Iterator[Run]:
    """Start a command under the wrapper."""
    started: list[subprocess.Popen[str]] = []
    token = request.config.getoption("--token")

    def start(*command: str, name: str = "job") -> subprocess.Popen[str]:
        extra = {"LIVEQUEUE_TOKEN": token} if token else {}
        options = ["--server", api.url, "--queue", api.queue, "--name", name]
        process = subprocess.Popen(
            [livequeue(), "run", *options, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**extra),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def page(api: Api, pages: Pages) -> Page:
    opened = pages.open(tasks_url(api))
    expect_live(opened)
    return opened


def only_row(api: Api, page: Page) -> Row:
    """The row of the one task there is, once it is there."""
    expect(page.locator("#rows tr[data-task-id]")).to_have_count(1)
    return Row(page, {"id": int(page.locator("#rows .task-id").inner_text())})


def gate(path: Path) -> str:
    """Shell text that waits until the test lets the command go on."""
    return f'while [ ! -e "{path}" ]; do sleep 0.05; done'


def test_from_the_first_line_to_the_end(
    api: Api, pages: Pages, page: Page, run: Run, tmp_path: Path
) -> None:
    halfway = tmp_path / "go on"
    script = f"echo start; echo 3/10 files; {gate(halfway)}; echo 10/10 files; echo finished"
    process = run("sh", "-c", script, name="nightly backup")
    row = only_row(api, page)
    expect(row.locator).to_contain_text("nightly backup")
    expect(row.badge).to_contain_text("running")
    row.bar.expect_value("30")
    expect(row.locator.locator(".task-message")).to_contain_text("3/10 files")
    row.locator.locator(".task-name").click()
    expect_live(page)
    expect_log(page, ["start", "3/10 files"])
    halfway.touch()
    expect_log(page, ["start", "3/10 files", "10/10 files", "finished"])
    expect(page.locator("#task .task-status-badge").first).to_contain_text("completed")
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output == "start\n3/10 files\n10/10 files\nfinished\n"
    assert errors == ""


def test_a_failure_keeps_its_status_and_its_last_words(api: Api, page: Page, run: Run) -> None:
    process = run("sh", "-c", "echo working; echo no space left >&2; exit 3")
    assert process.wait(timeout=20) == 3
    row = only_row(api, page)
    expect(row.badge).to_contain_text("failed")
    row.locator.locator(".task-name").click()
    error = page.locator("#task-error-text")
    expect(error).to_contain_text("3")
    expect(error).to_contain_text("no space left")


def test_a_bar_that_rewrites_its_line_is_one_line(api: Api, page: Page, run: Run) -> None:
    """2,000 rewrites, as progress bars make them, are one line on the page and few in the store."""
    script = (
        "import sys, time\n"
        "for n in range(2001):\n"
        "    sys.stdout.write(f'\\r {n / 20:.0f}% of it'); sys.stdout.flush(); time.sleep(0.001)\n"
        "sys.stdout.write('\\r\\n'); print('done')\n"
    )
    process = run(sys.executable, "-c", script)
    row = only_row(api, page)
    row.locator.locator(".task-name").click()
    expect_live(page)
    expect(page.locator(LOG_TEXTS).first).to_contain_text(re.compile(r"[1-9]\d*% of it"))
    assert process.wait(timeout=30) == 0
    lines = page.locator(LOG_TEXTS)
    expect(lines).to_have_count(2)
    expect(lines.first).to_have_text(re.compile(r"^\s*100% of it"))
    expect(lines.last).to_have_text("done")
    task = api.list()[0]
    stored = api.call("GET", f"/api/tasks/{task['id']}/logs")
    assert stored["total"] == 2


def test_rsync_moves_its_bar(api: Api, page: Page, run: Run, tmp_path: Path) -> None:
    if not shutil.which("rsync"):
        pytest.skip("there is no rsync here")
    source = tmp_path / "source"
    source.mkdir()
    for number in range(40):
        (source / f"file {number}").write_bytes(os.urandom(20_000))
    process = run("rsync", "-a", "--info=progress2", f"{source}/", str(tmp_path / "copy"))
    assert process.wait(timeout=30) == 0
    row = only_row(api, page)
    expect(row.badge).to_contain_text("completed")
    row.bar.expect_value("100")
    row.bar.expect_colour("success")


def test_cancelling_on_the_page_ends_the_command(
    api: Api, page: Page, run: Run, tmp_path: Path
) -> None:
    told = tmp_path / "was told"
    script = f"trap 'touch \"{told}\"; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    process = run("sh", "-c", script)
    row = only_row(api, page)
    row.locator.locator(".task-name").click()
    expect_live(page)
    expect_log(page, ["ready"])
    page.locator(".task-action[data-action=cancel]").click()
    page.locator("#confirm-button").click()
    assert process.wait(timeout=20) == 7
    assert told.exists()
    expect(page.locator("#task .task-status-badge").first).to_contain_text("cancelled")


@pytest.mark.owned
def test_a_server_that_is_killed_loses_no_line(
    make_server: Callable[..., object], pages: Pages, tmp_path: Path
) -> None:
    from e2e.server import Server

    server = make_server()
    assert isinstance(server, Server)
    api = server.api
    timings = {"backoff": 100, "shortBackoff": 400}
    page = pages.open(tasks_url(api), timings=timings, network_trouble=True)
    expect_live(page)
    end = tmp_path / "end"
    script = f"for n in $(seq 1 100); do echo line $n; sleep 0.03; done; {gate(end)}; echo over"
    command = [livequeue(), "run", "--server", server.url, "--queue", api.queue]
    process = subprocess.Popen(
        [*command, "--", "sh", "-c", script], stdout=subprocess.DEVNULL, env=environment()
    )
    row = only_row(api, page)
    row.locator.locator(".task-name").click()
    expect_live(page)
    expect(page.locator(LOG_TEXTS).first).to_have_text("line 1")
    server.restart(signal.SIGKILL)
    end.touch()
    assert process.wait(timeout=40) == 0
    expect_log(page, [*(f"line {number}" for number in range(1, 101)), "over"], within=30_000)
    expect(page.locator("#task .task-status-badge").first).to_contain_text("completed")


def test_a_command_is_seen_while_it_says_nothing(api: Api, page: Page, run: Run) -> None:
    process = run("sleep", "60")
    only_row(api, page)
    assert process.poll() is None
