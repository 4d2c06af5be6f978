"""The page of all logs: lines of all tasks in one order, live, filtered, searched."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.elements import (
    LOG_TEXTS,
    evaluate_all,
    expect_live,
    log_texts,
    search_field,
    search_status,
    tasks_url,
)
from e2e.pages import Pages
from e2e.server import Server, environment

HITS = "#log mark.log-hit"


def logs_url(api: Api, **query: str) -> str:
    """The page with the lines of this test's own queue only."""
    return f"{api.url}/logs?queue={api.queue}" + "".join(f"&{k}={v}" for k, v in query.items())


@pytest.fixture
def page(api: Api, pages: Pages) -> Page:
    opened = pages.open(logs_url(api))
    expect_live(opened)
    return opened


def test_lines_of_all_tasks_in_the_order_they_came(api: Api, pages: Pages, page: Page) -> None:
    one, two = api.create("first", status="running"), api.create("second", status="running")
    for n in range(1, 6):
        api.append(one, f"one {n}")
        api.append(two, f"two {n}")
    texts = [f"{name} {n}" for n in range(1, 6) for name in ("one", "two")]
    expect(page.locator(LOG_TEXTS)).to_have_text(texts)
    again = pages.open(logs_url(api))
    expect(again.locator(LOG_TEXTS)).to_have_text(texts)
    for opened in (page, again):
        line = opened.locator(".log-line").nth(3)
        expect(line.locator(".log-task")).to_have_text(f"#{two['id']} second")
        expect(line.locator(".log-number")).to_have_text("2")
    page.locator(".log-task").first.click()
    expect(page).to_have_url(f"{api.url}/tasks/{one['id']}")


def test_a_rewritten_line_is_rewritten(api: Api, page: Page) -> None:
    task = api.create(status="running")
    path = f"/api/tasks/{task['id']}/logs"
    for batch, percent in enumerate(range(0, 101, 20), 1):
        line = {"text": f"{percent} %", "line": 1}
        api.call("POST", path, {"producer": "bar", "batch": batch, "lines": [line]})
        expect(page.locator(LOG_TEXTS)).to_have_text([f"{percent} %"])


def test_back_to_the_first_line_and_what_comes_meanwhile(api: Api, page: Page) -> None:
    task = api.create(status="running")
    other = api.create(status="running")
    api.append(task, *[f"line {n}" for n in range(1, 4001)])
    expect(page.locator(LOG_TEXTS).last).to_have_text("line 4000")
    page.locator("#log").focus()
    for _ in range(20):
        page.keyboard.press("Home")
        numbers = evaluate_all(page.locator(".log-line"), "Number(e.dataset.n)")
        if numbers[0] == 1:
            break
        expect(page.locator(f'.log-line[data-n="{numbers[0]}"]')).not_to_be_in_viewport()
    expect(page.locator(LOG_TEXTS).first).to_have_text("line 1")
    top = page.locator(LOG_TEXTS).first.bounding_box()
    api.append(other, *[f"new {n}" for n in range(1, 8)])
    expect(page.locator("#log-newer")).to_have_text("7 new lines")
    assert page.locator(LOG_TEXTS).first.bounding_box() == top
    page.keyboard.press("End")
    expect(page.locator(LOG_TEXTS).last).to_have_text("new 7")
    expect(page.locator(LOG_TEXTS).last).to_be_in_viewport()
    expect(page.locator("#log-newer")).to_be_hidden()


def test_lines_that_arrive_fast_are_all_there_once_and_in_order(api: Api, page: Page) -> None:
    tasks = [api.create(f"task {n}", status="running") for n in range(3)]
    for burst in range(20):
        for task in tasks:
            api.append(task, *[f"{burst} {n}" for n in range(50)])
    expect(page.locator(LOG_TEXTS).last).to_have_text("19 49")
    seen: dict[tuple[str, int], str] = {}
    page.locator("#log").focus()
    for _ in range(200):
        for task, n, text in evaluate_all(
            page.locator(".log-line:not(.pending)"),
            "[e.querySelector('.log-task').textContent, Number(e.dataset.n), "
            "e.querySelector('.log-text').textContent]",
        ):
            assert seen.setdefault((task, n), text) == text
        if len(seen) == 3000:
            break
        page.keyboard.press("PageUp")
    assert len(seen) == 3000
    assert {n for _, n in seen} == set(range(1, 1001))


def test_filters_by_queue_task_and_level(api: Api, pages: Pages) -> None:
    other = api.another()
    try:
        here = api.create("here", status="running")
        there = other.create("there", status="running")
        third = api.create("third", status="running")
        api.append(here, "one", level="error")
        other.append(there, "two", level="error")
        api.append(third, "three")
        page = pages.open(f"{api.url}/logs?queue={api.queue}&queue={other.queue}")
        expect(page.locator(LOG_TEXTS)).to_have_text(["one", "two", "three"])
        page.locator("#log-filters-button").click()
        page.get_by_label(other.queue, exact=True).uncheck()
        expect(page.locator(LOG_TEXTS)).to_have_text(["one", "three"])
        page.locator("#log-tasks").fill(f"#{third['id']}, {there['id']}")
        page.locator("#log-tasks").press("Enter")
        expect(page.locator(LOG_TEXTS)).to_have_text(["three"])
        expect(page).to_have_url(re.compile(f"task={third['id']}&task={there['id']}"))
        page.get_by_label(api.queue, exact=True).uncheck()
        expect(page.locator(LOG_TEXTS)).to_have_text(["two", "three"])
        page.get_by_role("checkbox", name="Error").check()
        expect(page.locator(LOG_TEXTS)).to_have_text(["two"])
        other.append(there, "four", level="error")
        api.append(here, "five", level="error")
        expect(page.locator(LOG_TEXTS)).to_have_text(["two", "four"])
    finally:
        other.clean()
        other.http.close()


def test_a_search_over_all_logs(api: Api, page: Page) -> None:
    tasks = [api.create(f"task {n}", status="running") for n in range(3)]
    for task in tasks:
        for n in range(300):
            if n % 100 == 50:
                api.append(task, f"a ne\x1b[1med\x1b[0mle 100%_{n}")
        api.append(task, *["hay"] * 300)
    expect(page.locator(LOG_TEXTS).last).to_have_text("hay")
    search_field(page).fill("NEEDLE 100%_")
    expect(search_status(page)).to_have_text("9 hits")
    expect(page.locator(LOG_TEXTS)).to_have_count(9)
    api.append(tasks[0], "one more needle 100%_ and NEEDLE 100%_", "hay")
    expect(page.locator(LOG_TEXTS)).to_have_count(10)
    expect(search_status(page)).to_have_text("11 hits")
    page.keyboard.press("Enter")
    current = page.locator(".log-line:has(mark.current)")
    expect(current).to_have_count(1)
    expect(current.locator(".log-text")).to_contain_text("one more")
    for _ in range(3):
        page.keyboard.press("Shift+Enter")
    expect(current.locator(".log-task")).to_contain_text("task 2")
    page.locator("#log-search-only").click()
    expect(page.locator(LOG_TEXTS).get_by_text("hay").first).to_be_visible()
    page.keyboard.press("N")
    expect(current).to_have_count(1)
    expect(current).to_be_in_viewport()


def test_where_among_all_hits_the_reader_is(api: Api, page: Page) -> None:
    tasks = [api.create(f"task {n}", status="running") for n in range(2)]
    for n in range(1, 41):
        api.append(tasks[n % 2], f"needle {n} needle", "hay")
    expect(page.locator(LOG_TEXTS).last).to_have_text("hay")
    search_field(page).fill("needle")
    expect(search_status(page)).to_have_text("80 hits")
    for key, words in (
        ("Enter", "80 of 80 hits"),
        ("Shift+Enter", "79 of 80 hits"),
        ("Shift+Enter", "78 of 80 hits"),
        ("Enter", "79 of 80 hits"),
    ):
        search_field(page).press(key)
        expect(search_status(page)).to_have_text(words)
    search_field(page).press("Escape")
    page.keyboard.press("Home")
    page.locator("#log-search-only").click()  # another way to look at the same hits
    expect(search_status(page)).to_have_text("79 of 80 hits")
    page.keyboard.press("n")
    expect(search_status(page)).to_have_text("80 of 80 hits")


def test_hits_of_a_line_that_is_rewritten(api: Api, page: Page) -> None:
    task = api.create("bar", status="running")
    path = f"/api/tasks/{task['id']}/logs"

    def rewrite(batch: int, text: str) -> None:
        line = {"text": text, "line": 1}
        api.call("POST", path, {"producer": "bar", "batch": batch, "lines": [line]})

    rewrite(1, "needle 1")
    search_field(page).fill("needle")
    expect(search_status(page)).to_have_text("1 hit")
    rewrite(2, "a needle and a needle")
    expect(page.locator(HITS)).to_have_text(["needle", "needle"])
    expect(search_status(page)).to_have_text("2 hits")
    rewrite(3, "hay")
    expect(page.locator(LOG_TEXTS)).to_have_text(["hay"])
    expect(page.locator(HITS)).to_have_count(0)
    expect(search_status(page)).to_have_text("no hits")


def test_a_line_leads_to_its_place_in_its_log(api: Api, page: Page) -> None:
    task = api.create(status="running")
    api.append(task, *["hay"] * 700, "a needle", *["hay"] * 700)
    search_field(page).fill("needle")
    expect(page.locator(LOG_TEXTS)).to_have_text(["a needle"])
    page.locator(".log-number").click()
    expect(page).to_have_url(f"{api.url}/tasks/{task['id']}?q=needle#L701")
    expect(page.locator(HITS)).to_have_text("needle")
    expect(page.locator(HITS)).to_be_in_viewport()


def test_the_keyboard_leads_past_the_lines_and_into_the_log_of_a_hit(api: Api, page: Page) -> None:
    task = api.create(status="running")
    api.append(task, *["hay"] * 50, "a needle")
    expect(page.locator(LOG_TEXTS).last).to_have_text("a needle")
    page.locator("#log").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#log')") is None
    page.keyboard.press("/")
    page.keyboard.type("needle")
    page.keyboard.press("Enter")
    expect(page.locator("#log mark.current")).to_be_in_viewport()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{api.url}/tasks/{task['id']}?q=needle#L51")


def test_nothing_matches_and_a_bad_pattern(api: Api, pages: Pages, page: Page) -> None:
    api.append(api.create(status="running"), "hay")
    search_field(page).fill("needle")
    expect(page.locator("#log-no-match")).to_contain_text("No line matches")
    expect(search_status(page)).to_have_text("no hits")
    pages.guard(page).network_trouble_is_expected = True
    page.locator("#log-search-regex").click()
    search_field(page).fill("needle(")
    expect(search_status(page)).to_contain_text("not a regular expression")
    page.locator("#log-all").click()
    expect(search_field(page)).to_have_attribute("aria-invalid", "true")


def test_text_that_wants_to_be_markup_stays_text(api: Api, page: Page) -> None:
    text = "<img src=x onerror=window.pwned=1>"
    task = api.create(text, status="running")
    api.append(task, text)
    search_field(page).fill(text)
    expect(page.locator(HITS)).to_have_text(text)
    expect(page.locator(".log-task")).to_have_text(f"#{task['id']} {text}")
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0


def test_what_is_shown_is_downloaded(api: Api, page: Page) -> None:
    task = api.create(status="running")
    api.append(task, "red one", "green", "red two")
    search_field(page).fill("red")
    expect(page.locator(LOG_TEXTS)).to_have_count(2)
    page.locator("#log-downloads-button").click()
    with page.expect_download() as begun:
        page.locator("#log-downloads [data-format=text]").click()
    lines = Path(begun.value.path()).read_text().splitlines()
    assert [line.split(" ", 2)[1:] for line in lines] == [
        [f"#{task['id']}", text] for text in ("red one", "red two")
    ]


def test_keys_lead_there_and_back(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api))
    expect_live(page)
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page).to_have_url(f"{api.url}/logs")
    expect(page).to_have_title("Logs · LiveQueue")
    expect_live(page)
    page.keyboard.press("/")
    expect(search_field(page)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(f"{api.url}/tasks")


@pytest.mark.owned
def test_an_empty_page_tells_how_to_begin(server: Server, pages: Pages) -> None:
    page = pages.open(f"{server.url}/logs")
    expect_live(page)
    expect(page.get_by_role("heading", name="No log lines yet")).to_be_visible()
    command = page.locator("#log-empty .command").filter(has_text="curl").locator("code")
    done = subprocess.run(
        ["sh", "-c", command.inner_text()], env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expect(page.locator(LOG_TEXTS)).to_have_count(1)
    expect(page.locator("#log-empty")).to_be_hidden()
    assert re.search(r"\d", log_texts(page)[0])
