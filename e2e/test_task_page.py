"""The page of one task: its facts, its log as it is written, its end."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.api import Api, Task
from e2e.elements import LOG_TEXTS, Bar, expect_live, expect_log, search_field, task_url
from e2e.log_box import LogBox
from e2e.pages import Pages


@pytest.fixture
def task(api: Api) -> Task:
    return api.create("nightly backup", status="running", total=200, unit="files")


def badge(page: Page) -> Locator:
    return page.locator("#task .task-title .task-status-badge")


def test_it_shows_what_the_task_is_and_does(api: Api, page: Page, task: Task) -> None:
    expect(page.locator("#task-name")).to_have_text("nightly backup")
    expect(badge(page)).to_contain_text("running")
    expect(page).to_have_title(re.compile(f"#{task['id']}.*nightly backup"))
    api.patch(task, current=50, message="copying")
    Bar(page.locator(".task-progress")).expect_value("25")
    expect(page.locator(".task-progress-words")).to_contain_text("50 / 200 files")
    expect(page.locator("#task-message")).to_have_text("copying")
    expect(page.locator("#fact-queue")).to_have_text(api.queue)


def test_a_rate_and_the_time_left_appear(api: Api, page: Page, task: Task) -> None:
    for current in range(1, 8):
        api.patch(task, current=current)
    expect(page.locator(".task-progress-words")).to_contain_text("left")
    expect(page.locator("#task-rate")).to_contain_text("per second")


def test_lines_appear_as_they_are_written(api: Api, page: Page, task: Task) -> None:
    for number in range(1, 6):
        api.append(task, f"line {number}")
        expect(page.locator(LOG_TEXTS).last).to_have_text(f"line {number}")
    expect(page.locator("#log-total")).to_contain_text("5 lines")


def test_what_was_there_before_and_what_comes_join_without_a_seam(
    api: Api, pages: Pages, task: Task
) -> None:
    api.append(task, *[f"line {number}" for number in range(1, 51)])
    page = pages.open(task_url(api, task))
    api.append(task, *[f"line {number}" for number in range(51, 101)])
    expect_log(page, [f"line {number}" for number in range(1, 101)])


def test_a_rewritten_line_is_rewritten(api: Api, page: Page, task: Task) -> None:
    path = f"/api/tasks/{task['id']}/logs"
    api.append(task, "before")
    for batch, percent in enumerate(range(0, 101, 10), 1):
        line = {"text": f"{percent} %", "line": 1}
        api.call("POST", path, {"producer": "bar", "batch": batch, "lines": [line]})
    expect_log(page, ["before", "100 %"])


def test_white_space_and_order_are_kept(api: Api, page: Page, task: Task) -> None:
    api.append(task, "  indented", "a  b\tc", "", "after an empty line")
    lines = page.locator(LOG_TEXTS)
    expect(lines).to_have_count(4)
    assert lines.all_text_contents() == ["  indented", "a  b\tc", "", "after an empty line"]
    style = "getComputedStyle(document.querySelector('.log-text')).whiteSpaceCollapse"
    assert page.evaluate(style) in ("preserve", "break-spaces")


def test_odd_separators_stay_one_line(api: Api, page: Page, task: Task) -> None:
    text = "a\u2028b\u0085c\fd\x1ce"
    api.append(task, text)
    expect(page.locator(LOG_TEXTS)).to_have_count(1)


def test_error_output_is_told_apart(api: Api, page: Page, task: Task) -> None:
    api.append(task, "fine")
    api.append(task, "alas", stream="stderr")
    expect(page.locator(".log-line[data-stream=stderr]")).to_contain_text("alas")
    expect(page.locator(".log-line[data-stream=stdout]")).to_contain_text("fine")


def test_it_follows_the_end_until_the_reader_scrolls_up(api: Api, page: Page, task: Task) -> None:
    api.append(task, *[f"line {number}" for number in range(1, 151)])
    last = page.locator(LOG_TEXTS).last
    expect(last).to_have_text("line 150")
    expect(last).to_be_in_viewport()
    box = LogBox(page)
    box.wheel(-400)
    expect(last).not_to_be_in_viewport()
    before = box.rest()  # a wheel may roll on for a while
    api.append(task, "line 151")
    expect(last).to_have_text("line 151")
    assert box.sight().stands_as(before)
    page.locator("#log-newer").click()
    expect(last).to_be_in_viewport()
    api.append(task, "line 152")
    expect(last).to_have_text("line 152")
    expect(last).to_be_in_viewport()


def test_the_way_to_the_end_is_offered_only_where_there_is_one(
    api: Api, page: Page, task: Task
) -> None:
    api.append(task, "one line", "another one")
    expect(page.locator(LOG_TEXTS)).to_have_count(2)
    box = LogBox(page)
    box.follow.uncheck()
    search_field(page).fill("one")
    page.keyboard.press("Enter")
    expect(page.locator("#log mark.current")).to_be_visible()
    expect(box.pill).to_be_hidden()
    api.append(task, *[f"line {number}" for number in range(1, 151)])
    expect(box.pill).to_have_text("150 new lines")
    box.pill.click()
    expect(box.pill).to_be_hidden()
    box.wheel(-400)
    expect(box.pill).to_be_visible()
    api.patch(task, status="completed")
    expect(box.follow).to_be_hidden()
    page.reload()
    expect(page.locator(LOG_TEXTS).last).to_be_in_viewport()
    expect(box.follow).to_be_hidden()


def test_a_very_long_line_leaves_the_page_usable(api: Api, page: Page, task: Task) -> None:
    api.http.post(
        f"/api/tasks/{task['id']}/logs",
        content=b"x" * 1_000_000 + b"\nok\n",
        headers={"Content-Type": "text/plain"},
    ).raise_for_status()
    expect(page.locator(LOG_TEXTS).last).to_have_text("ok")
    api.patch(task, progress=88)
    Bar(page.locator(".task-progress")).expect_value("88")


def test_its_failure_is_explained(api: Api, page: Page, task: Task) -> None:
    expect(page.locator("#task-error")).to_be_hidden()
    api.patch(task, current=30, status="failed", error="exit status 3\ndisk full")
    expect(badge(page)).to_contain_text("failed")
    expect(page.locator("#task-error-text")).to_have_text("exit status 3\ndisk full")
    Bar(page.locator(".task-progress")).expect_value("15")
    expect(page.locator(".task-action[data-action=cancel]")).to_be_hidden()


def test_payload_and_result_are_folded(api: Api, pages: Pages) -> None:
    task = api.create(payload={"source": "/home"}, status="running")
    page = pages.open(task_url(api, task))
    expect_live(page)
    expect(page.locator("#payload pre")).to_be_hidden()
    page.locator("#payload summary").click()
    expect(page.locator("#payload pre")).to_contain_text('"source": "/home"')
    api.patch(task, status="completed", result={"files": 12})
    page.locator("#result summary").click()
    expect(page.locator("#result pre")).to_contain_text('"files": 12')


def test_a_deleted_task_is_said_to_be_deleted(api: Api, page: Page, task: Task) -> None:
    api.append(task, "last words")
    expect_log(page, ["last words"])
    api.delete(task)
    expect(page.locator("#task-note")).to_contain_text("deleted")
    expect_log(page, ["last words"])


def test_delete_from_the_page(api: Api, page: Page, task: Task) -> None:
    page.locator(".task-action[data-action=delete]").click()
    page.locator("#confirm-button").click()
    expect(page).to_have_url(f"{api.url}/tasks")
    assert api.http.get(f"/api/tasks/{task['id']}").status_code == 404


def test_an_unknown_task_is_explained(api: Api, pages: Pages) -> None:
    page = pages.open(f"{api.url}/tasks/999999999", network_trouble=True)
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="To the tasks").click()
    expect_live(page)
