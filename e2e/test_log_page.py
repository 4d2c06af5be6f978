"""Reading a log while it is written: it follows the end, or lets nothing move (H20, H21)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
from e2e.elements import expect_connection, expect_live, go_back, task_url, wait_until
from e2e.fault_proxy import FaultProxy
from e2e.log_box import LogBox
from e2e.pages import Pages
from e2e.producer import Producer

BRISK = {"backoff": 100, "shortBackoff": 400, "grace": 300, "probes": [500], "answerWithin": 2000}
CLIPBOARD = ["clipboard-read", "clipboard-write"]
ENOUGH = 100_000  # more lines than any test sees
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 800},
    "has_touch": True,
    "is_mobile": True,
}
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def task(api: Api) -> Task:
    return api.create("chatty", status="running")


@pytest.fixture
def box(api: Api, pages: Pages, task: Task) -> LogBox:
    page = pages.open(task_url(api, task), permissions=CLIPBOARD)
    expect_live(page)
    return LogBox(page)


@pytest.fixture
def producer(api: Api, task: Task) -> Iterator[Producer]:
    """About 500 lines a second."""
    with Producer(api, task, lines=ENOUGH, pause=0.05, at_once=25) as running:
        running.wait_for(200)
        yield running


def fill(api: Api, task: Task, lines: list[str]) -> None:
    """Append many lines at once."""
    api.http.post(
        f"/api/tasks/{task['id']}/logs",
        content="".join(f"{line}\n" for line in lines).encode(),
        headers={"Content-Type": "text/plain"},
    ).raise_for_status()


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(1, count + 1)]


def expect_right(box: LogBox) -> None:
    """Every line in sight says its own number."""
    sight = box.settled()
    assert sight.texts == [f"line {number}" for number in sight.numbers]


# -- following


def test_it_follows_fast_output(box: LogBox, producer: Producer) -> None:
    for _ in range(10):
        written = producer.acknowledged
        wait_until(
            box.page,
            """(line) => Number(
                [...document.querySelectorAll("#log-lines .log-line")].at(-1)?.dataset.n
            ) >= line""",
            written,
        )
        sight = box.sight()
        assert sight.below < 2
        assert sight.texts == [f"line {number}" for number in sight.numbers]
    box.expect_following()


def wheel(box: LogBox) -> None:
    box.wheel(-700)


def keys(box: LogBox) -> None:
    box.press("PageUp")


def bar(box: LogBox) -> None:
    box.drag(0.5)


def switch(box: LogBox) -> None:
    box.follow.click()


@pytest.mark.parametrize("leave", [wheel, keys, bar, switch])
def test_nothing_moves_for_a_reader_who_left_the_end(
    box: LogBox, producer: Producer, leave: Callable[[LogBox], None]
) -> None:
    box.expect_following()
    leave(box)
    box.expect_staying()
    box.rest()
    box.expect_still(producer, 300)
    expect(box.pill).to_contain_text("new lines")
    box.pill.click()
    box.expect_following()
    expect(box.pill).to_be_hidden()
    box.expect_end_of(producer)


def test_nothing_moves_for_a_finger(
    api: Api, pages: Pages, task: Task, browser_name: str, producer: Producer
) -> None:
    if browser_name != "chromium":
        pytest.skip("only Chromium's protocol has fingers")
    page = pages.open(task_url(api, task), **PHONE)
    expect_live(page)
    box = LogBox(page)
    box.locator.scroll_into_view_if_needed()
    box.expect_following()
    area = box.locator.bounding_box()
    assert area is not None
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, *points: float) -> None:
        at = [{"x": area["x"] + 150, "y": area["y"] + y} for y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    finger("touchStart", 60)
    for y in range(70, 270, 10):
        finger("touchMove", y)
    box.expect_staying()
    box.rest()
    box.expect_still(producer, 100)
    finger("touchEnd")
    box.rest()
    box.expect_still(producer, 200)
    box.pill.tap()
    box.expect_end_of(producer)


def test_following_goes_on_at_the_end_only(api: Api, box: LogBox, task: Task) -> None:
    fill(api, task, numbered(400))
    box.expect_end(400)
    box.wheel(-600)
    box.expect_staying()
    box.rest()
    box.wheel(300)
    box.rest()
    box.expect_staying()
    expect(box.pill).to_be_visible()
    box.wheel(600)
    box.expect_following()
    expect(box.pill).to_be_hidden()
    api.append(task, "line 401")
    box.expect_end(401)


def test_a_short_log_is_followed_whatever_the_wheel_does(api: Api, box: LogBox, task: Task) -> None:
    api.append(task, *numbered(3))
    box.settled(3)
    box.wheel(-300)
    box.expect_following()
    fill(api, task, [f"line {number}" for number in range(4, 101)])
    box.expect_end(100)


def test_a_hidden_tab_is_right_when_it_is_seen_again(box: LogBox, producer: Producer) -> None:
    box.page.evaluate(HIDE, True)
    producer.wait_for(producer.acknowledged + 2_000)
    box.page.evaluate(HIDE, False)
    box.expect_end_of(producer)
    box.wheel(-1_000)
    before = box.rest()
    box.page.evaluate(HIDE, True)
    producer.wait_for(producer.acknowledged + 2_000)
    box.page.evaluate(HIDE, False)
    box.expect_still(producer, 100)
    assert box.sight().stands_as(before)
    expect(box.pill).to_contain_text("new lines")


def test_a_line_above_that_grows_moves_nothing(api: Api, box: LogBox, task: Task) -> None:
    path = f"/api/tasks/{task['id']}/logs"
    lines = [{"text": text, "line": number} for number, text in enumerate(numbered(120), 1)]
    api.call("POST", path, {"producer": "bar", "batch": 1, "lines": lines})
    box.expect_end(120)
    box.wheel(-500)
    before = box.rest()
    assert before.numbers[0] > 20
    grown = {"text": "grown " * 300, "line": 20}
    api.call("POST", path, {"producer": "bar", "batch": 2, "lines": [grown]})
    expect(box.page.locator('.log-line[data-n="20"] .log-text')).to_contain_text("grown")
    assert box.sight().stands_as(before)
    shown = {"text": "rewritten", "line": before.numbers[3]}
    api.call("POST", path, {"producer": "bar", "batch": 3, "lines": [shown]})
    expect(box.page.locator(f'.log-line[data-n="{before.numbers[3]}"]')).to_contain_text(
        "rewritten"
    )
    assert box.sight().stands_as(before)


def test_another_window_size_or_wrapping_keeps_the_first_line(
    api: Api, box: LogBox, task: Task
) -> None:
    fill(api, task, [f"line {number} " + "word " * (number % 50) for number in range(1, 401)])
    box.expect_end(400)
    box.wheel(-2_000)
    line = box.rest().numbers[0]
    for width, height in ((800, 500), (1400, 900)):
        box.page.set_viewport_size({"width": width, "height": height})
        assert box.rest().numbers[0] == line
    for _ in range(2):
        box.page.keyboard.press("w")
        assert box.rest().numbers[0] == line


def test_another_window_size_keeps_the_end(api: Api, box: LogBox, task: Task) -> None:
    fill(api, task, numbered(400))
    box.expect_end(400)
    for height in (1_000, 500, 800):
        box.page.set_viewport_size({"width": 1280, "height": height})
        box.rest()
        box.expect_end(400)
        box.expect_following()


def test_a_pause_loses_nothing(box: LogBox, producer: Producer) -> None:
    box.expect_following()
    box.page.keyboard.press("p")
    before = box.rest()
    box.expect_still(producer, 500)
    expect(box.pill).to_contain_text("new lines")
    box.page.locator("#log-pause").click()
    box.expect_end_of(producer)
    expect(box.pill).to_be_hidden()
    line = before.numbers[-1] + 1
    box.page.evaluate(f"location.hash = '#L{line}'")
    box.settled(line)
    expect_right(box)


# -- many lines at once


def test_a_flood_is_shown_whole(api: Api, box: LogBox, task: Task) -> None:
    """5,000 lines a second; the figures are in docs/performance.md."""
    count = 25_000
    with Producer(api, task, lines=count, pause=0.05, at_once=250) as producer:
        producer.wait_for(count // 2)
        box.page.keyboard.press("w")
        producer.finish()
    box.expect_end(count)
    expect(box.total).to_have_text("25,000 lines")
    for part in (0, 0.2, 0.4, 0.6, 0.8, 1):
        box.drag(part)
        box.rest()
        expect_right(box)


def test_what_came_too_fast_is_said_and_loads_when_it_is_looked_at(
    api: Api, pages: Pages, task: Task, proxy: FaultProxy
) -> None:
    page = pages.open(task_url(api, task, proxy.url), timings=BRISK, network_trouble=True)
    box = LogBox(page)
    expect_live(page)
    api.append(task, *numbered(50))
    box.expect_end(50)
    proxy.set("reset")
    proxy.cut()
    expect_connection(page, "offline")
    fill(api, task, [f"line {number}" for number in range(51, 20_001)])
    proxy.set("pass")
    expect_live(page)
    box.expect_end(20_000, within=20_000)
    expect(page.locator("#log-skipped")).to_contain_text("load when you scroll to them")
    for part in (0.7, 0.3, 0.01):
        box.drag(part)
        box.rest()
        expect_right(box)


def test_lines_that_cannot_be_read_are_said_and_come_later(
    api: Api, pages: Pages, task: Task, proxy: FaultProxy
) -> None:
    fill(api, task, numbered(5_000))
    page = pages.open(task_url(api, task, proxy.url), timings=BRISK, network_trouble=True)
    box = LogBox(page)
    expect_live(page)
    box.expect_end(5_000)
    proxy.set("502", match="GET /api/")
    box.press("Home")
    expect(page.locator("#log-trouble")).to_contain_text("could not be loaded")
    proxy.set("pass")
    box.settled(1)
    expect(page.locator("#log-trouble")).to_be_hidden()
    expect_right(box)


# -- selecting and copying


def drag_over(box: LogBox, first: int, last: int) -> str:
    """Select from one line to another with the mouse; the text."""
    lines = [box.page.locator(f'.log-line[data-n="{n}"] .log-text') for n in (first, last)]
    start, end = (line.bounding_box() for line in lines)
    assert start is not None
    assert end is not None
    mouse = box.page.mouse
    mouse.move(start["x"] + 1, start["y"] + start["height"] / 2)
    mouse.down()
    mouse.move(end["x"] + end["width"] - 1, end["y"] + end["height"] / 2, steps=5)
    mouse.up()
    return selected(box.page)


def selected(page: Page) -> str:
    text: str = page.evaluate("getSelection().toString()")
    return text


def copied(page: Page) -> str:
    page.keyboard.press("ControlOrMeta+c")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_a_selection_survives_what_is_written_and_scrolled(box: LogBox, producer: Producer) -> None:
    box.wheel(-400)
    sight = box.rest()
    first, last = sight.numbers[3], sight.numbers[8]
    text = drag_over(box, first, last)
    assert f"line {first + 1}" in text
    goal = producer.acknowledged + 300
    while producer.acknowledged < goal:
        assert selected(box.page) == text
    box.drag(0)  # far away: the lines are no longer in the document
    box.rest()
    assert copied(box.page) == "\n".join(f"line {number}" for number in range(first, last + 1))
    box.page.evaluate(f"location.hash = '#L{first + 1}'")
    box.settled(first)
    assert selected(box.page) == text


def test_what_is_selected_at_the_end_stays_in_sight(box: LogBox, producer: Producer) -> None:
    box.expect_following()
    corner = box.locator.bounding_box()
    assert corner is not None
    x, y = corner["x"] + 300, corner["y"] + 100
    mouse = box.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 20, y + 80, steps=5)
    mouse.up()
    box.expect_staying()
    text = selected(box.page)
    assert "line" in text
    box.rest()
    box.expect_still(producer, 300)
    assert selected(box.page) == text
    box.pill.click()
    box.expect_following()


def test_all_of_a_long_log_is_selected_and_copied(api: Api, box: LogBox, task: Task) -> None:
    lines = numbered(3_000)
    fill(api, task, lines)
    box.expect_end(3_000)
    box.press("ControlOrMeta+a")
    box.press("ControlOrMeta+c")
    wait_until(
        box.page,
        "async (end) => (await navigator.clipboard.readText()).endsWith(end)",
        "line 3000",
    )
    text: str = box.page.evaluate("navigator.clipboard.readText()")
    assert text.splitlines() == lines


# -- links and keys


def test_a_link_to_a_line_opens_there(api: Api, pages: Pages, task: Task) -> None:
    fill(api, task, numbered(5_000))
    for address in ("#L1234", "?line=1234"):
        page = pages.open(task_url(api, task) + address)
        expect_live(page)
        box = LogBox(page)
        box.settled(1234)
        expect(page.locator(".log-line.target")).to_have_attribute("data-n", "1234")
        box.expect_staying()
        expect_right(box)


def test_a_line_that_was_linked_to_stays_while_others_come(
    api: Api, pages: Pages, task: Task, producer: Producer
) -> None:
    page = pages.open(f"{task_url(api, task)}#L100")
    expect_live(page)
    box = LogBox(page)
    box.settled(100)
    box.rest()
    box.expect_still(producer, 300)


def test_the_number_of_a_line_is_a_link_to_it(api: Api, box: LogBox, task: Task) -> None:
    fill(api, task, numbered(400))
    box.expect_end(400)
    box.wheel(-1_000)
    before = box.rest()
    chosen = before.numbers[5]
    number = box.page.locator(f'.log-line[data-n="{chosen}"] .log-number').bounding_box()
    assert number is not None
    # Not Locator.click, which scrolls in Firefox.
    box.page.mouse.click(number["x"] + number["width"] - 4, number["y"] + number["height"] / 2)
    expect(box.page.locator(".log-line.target")).to_have_attribute("data-n", str(chosen))
    assert box.page.url.endswith(f"#L{chosen}")
    assert box.rest().stands_as(before)
    box.press("End")
    box.expect_end(400)
    go_back(box.page, task_url(api, task))
    box.page.evaluate("history.forward()")
    box.settled(chosen)


def test_a_link_beyond_the_end_opens_at_the_end(api: Api, pages: Pages, task: Task) -> None:
    fill(api, task, numbered(300))
    page = pages.open(f"{task_url(api, task)}#L9999")
    expect_live(page)
    LogBox(page).settled(300)


def test_every_line_is_reached_by_keyboard(api: Api, box: LogBox, task: Task) -> None:
    fill(api, task, numbered(1_000))
    box.expect_end(1_000)
    box.press("Home")
    assert box.settled(1).above < 12
    box.expect_staying()
    seen = set(box.rest().numbers)
    while 200 not in seen:
        last = max(seen)
        box.press("PageDown")
        sight = box.rest()
        assert min(sight.numbers) <= last + 1, "a page down leaves lines out"
        assert max(sight.numbers) > last
        seen |= set(sight.numbers)
    first = box.sight().numbers[0]
    box.press("ArrowUp")
    assert box.rest().numbers[0] < first
    box.press("End")
    box.expect_end(1_000)
    box.expect_following()
