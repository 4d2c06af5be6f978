"""Two million lines: every one is reached, rightly numbered, with no blank band (H23)."""

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Task
from e2e.elements import expect_live, task_url
from e2e.log_box import LogBox
from e2e.pages import Pages
from e2e.server import Server

COUNT = 2_000_000
PIECE = 20_000  # lines generated at once
LONG = " a line that takes several rows when it is wrapped" * 4
EDGE = 12  # blank pixels above the first line
INK = 15_000  # bytes of a picture with lines in it; without any it has about a thousand

pytestmark = [pytest.mark.owned, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Server]:
    """A server whose task 1 has the log; filled once, by whichever process comes first."""
    base = tmp_path_factory.getbasetemp()
    filled = (base if worker_id == "master" else base.parent) / "long-log"
    filled.mkdir(exist_ok=True)
    with (filled / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (filled / "done").exists():
            fill(filled)
            (filled / "done").touch()
    folder = tmp_path_factory.mktemp("server")
    for file in filled.glob("livequeue.db*"):
        shutil.copy(file, folder)
    running = Server(folder)
    running.start()
    yield running
    running.close()


def fill(folder: Path) -> None:
    server = Server(folder)
    server.start()
    task = server.api.create("long", status="running")
    server.api.http.post(
        f"/api/tasks/{task['id']}/logs",
        content=text(),
        headers={"Content-Type": "text/plain"},
        timeout=500,
    ).raise_for_status()
    server.close()


def text() -> Iterator[bytes]:
    for first in range(1, COUNT + 1, PIECE):
        lines = (f"line {number}{LONG * (number % 9 == 0)}\n" for number in span(first, PIECE))
        yield "".join(lines).encode()


def span(first: int, count: int) -> range:
    return range(first, min(first + count, COUNT + 1))


@pytest.fixture
def task(server: Server) -> Task:
    found: Task = server.api.call("GET", "/api/tasks/1")
    return found


def open_log(pages: Pages, server: Server, task: Task, line: str = "", **options: Any) -> LogBox:
    width, height = (
        round(pixels / options.get("device_scale_factor", 1)) for pixels in (1280, 900)
    )
    page = pages.open(
        task_url(server.api, task) + line, viewport={"width": width, "height": height}, **options
    )
    expect_live(page)
    return LogBox(page)


def expect_right(box: LogBox) -> list[int]:
    """The lines in sight are whole, in order, say their number, and are painted."""
    sight = box.rest()
    numbers = sight.numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for number, shown in zip(numbers, sight.texts, strict=True):
        assert shown == f"line {number}{LONG * (number % 9 == 0)}"
    assert sight.above < (EDGE if numbers[0] == 1 else 1)
    assert sight.below < 1
    assert sight.gap < 0.5
    if (picture := box.picture()) is not None:
        assert len(picture) > INK
    return numbers


@pytest.mark.parametrize("zoom", [1, 1.5])
def test_every_place_is_reached(pages: Pages, server: Server, task: Task, zoom: float) -> None:
    box = open_log(pages, server, task, device_scale_factor=zoom)
    expect(box.total).to_have_text("2,000,000 lines")
    assert expect_right(box)[-1] == COUNT
    box.press("Home")
    assert expect_right(box)[0] == 1
    for part in (0.001, 0.1, 0.5, 0.9, 0.999):
        box.drag(part)
        middle = expect_right(box)[0] / COUNT
        assert abs(middle - part) < 0.05
    box.drag(1)
    assert expect_right(box)[-1] == COUNT
    box.expect_following()
    box.drag(0)
    assert expect_right(box)[0] == 1
    box.press("End")
    assert expect_right(box)[-1] == COUNT
    box.page.keyboard.press("w")
    assert expect_right(box)[-1] == COUNT
    box.press("Home")
    assert expect_right(box)[0] == 1


def test_links_open_at_their_lines(pages: Pages, server: Server, task: Task) -> None:
    box = open_log(pages, server, task, f"#L{COUNT - 1}")
    for line in (COUNT - 1, COUNT // 2, 1, COUNT - 100_000):
        box.page.evaluate(f"location.hash = '#L{line}'")
        expect(box.page.locator(".log-line.target")).to_have_attribute("data-n", str(line))
        assert line in expect_right(box)


@pytest.mark.parametrize("line", [COUNT, COUNT // 2, 300])
def test_scrolling_leaves_no_line_out(pages: Pages, server: Server, task: Task, line: int) -> None:
    """Also across the places where the bar is set right."""
    box = open_log(pages, server, task, f"#L{line}")
    before = expect_right(box)
    for _ in range(8):
        box.wheel(-350)
        now = expect_right(box)
        assert now[0] < before[0] or now[0] == 1
        assert now[-1] >= before[0] - 1, "lines were jumped over"
        before = now
    for _ in range(2):
        box.wheel(350)
        now = expect_right(box)
        assert now[0] <= before[-1] + 1, "lines were jumped over"
        before = now


def test_the_page_keeps_little(pages: Pages, server: Server, task: Task, browser_name: str) -> None:
    """The document holds what is near; the memory of the tab is in docs/performance.md."""
    box = open_log(pages, server, task)
    for part in range(12):
        box.drag(part / 12)
        box.settled()
    box.rest()
    assert count(box.page) < 1_000
    if browser_name == "chromium":
        devtools = box.page.context.new_cdp_session(box.page)
        devtools.send("HeapProfiler.collectGarbage")
        used = devtools.send("Runtime.getHeapUsage")["usedSize"]
        assert used < 40_000_000


def count(page: Page) -> int:
    lines: int = page.locator("#log-lines .log-line").count()
    return lines
