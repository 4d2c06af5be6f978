"""Everything by keyboard, with a focus that is seen and that updates do not take away."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
from e2e.elements import Row, expect_live, task_url, tasks_url, wait_until
from e2e.pages import Pages


@pytest.fixture
def tasks(api: Api) -> list[Task]:
    """Newest first, as the page has them."""
    made = [api.create(name, status="running", progress=1) for name in ("c", "b", "a")]
    return made[::-1]


@pytest.fixture
def page(api: Api, pages: Pages, tasks: list[Task]) -> Page:
    opened = pages.open(tasks_url(api))
    expect_live(opened)
    return opened


def focused_task(page: Page) -> int | None:
    value = page.evaluate("document.activeElement.closest('tr')?.dataset.taskId")
    return int(value) if value else None


def expect_focus_in(page: Page, task: Task) -> None:
    wait_until(
        page,
        "id => document.activeElement.closest('tr')?.dataset.taskId === String(id)",
        arg=task["id"],
    )


def test_slash_searches_and_escape_leaves(page: Page) -> None:
    search = page.locator("#filters input[type=search]")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("jk")
    expect(search).to_have_value("jk")


def test_j_and_k_move_and_enter_opens(api: Api, page: Page, tasks: list[Task]) -> None:
    page.keyboard.press("j")
    expect_focus_in(page, tasks[0])
    page.keyboard.press("j")
    expect_focus_in(page, tasks[1])
    page.keyboard.press("k")
    expect_focus_in(page, tasks[0])
    page.keyboard.press("Enter")
    expect(page).to_have_url(task_url(api, tasks[0]))


def test_the_focus_is_seen_and_survives_updates(api: Api, page: Page, tasks: list[Task]) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect_focus_in(page, tasks[1])
    assert page.evaluate(
        """() => {
            const row = document.activeElement.closest("tr");
            return [document.activeElement, row, ...row.children].some((element) => {
                const style = getComputedStyle(element);
                return style.outlineStyle !== "none" || style.boxShadow !== "none";
            });
        }"""
    )
    newcomer = api.create("newcomer", status="running")
    for task in tasks:
        api.patch(task, progress=50, message="moved on")
        Row(page, task).bar.expect_value("50")
    expect(Row(page, newcomer).locator.or_(page.locator("#pill:visible")).first).to_be_visible()
    assert focused_task(page) == tasks[1]["id"]


def test_x_selects_for_actions_on_many(api: Api, page: Page, tasks: list[Task]) -> None:
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_contain_text("2")
    page.locator("#bulk [data-action=cancel]").click()
    page.locator("#confirm-button").click()
    for task in tasks[:2]:
        expect(Row(page, task).badge).to_contain_text("cancelled")
    expect(Row(page, tasks[2]).badge).to_contain_text("running")


def test_leaving_a_selection_moves_nothing(api: Api, page: Page, tasks: list[Task]) -> None:
    page.set_viewport_size({"width": 1280, "height": 240})
    Row(page, tasks[0]).locator.locator(".task-select").check()
    page.locator("#bulk [data-action=cancel]").focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("Escape")
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator("#content")).to_be_focused()
    assert page.evaluate("scrollY") == before


def test_c_asks_before_it_cancels(api: Api, page: Page, tasks: list[Task]) -> None:
    dialog = page.locator("#confirm-dialog")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(Row(page, tasks[0]).badge).to_contain_text("running")
    expect_focus_in(page, tasks[0])
    page.keyboard.press("c")
    page.locator("#confirm-button").click()
    expect(Row(page, tasks[0]).badge).to_contain_text("cancelled")


def test_r_retries(api: Api, pages: Pages) -> None:
    task = api.create(claimable=True, status="failed", error="x")
    page = pages.open(tasks_url(api))
    expect_live(page)
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(Row(page, task).retries).to_have_text(re.compile("^1$"))


def test_question_mark_shows_the_list(page: Page) -> None:
    dialog = page.locator("#help-dialog")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("search")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_g_t_goes_to_the_tasks(api: Api, pages: Pages, tasks: list[Task]) -> None:
    page = pages.open(task_url(api, tasks[0]))
    expect_live(page)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(r"/tasks(\?.*)?$"))


def test_keys_do_nothing_while_one_types(page: Page) -> None:
    page.locator("#filters input[type=search]").focus()
    page.keyboard.type("cxr?")
    expect(page.locator("#filters input[type=search]")).to_have_value("cxr?")
    expect(page.locator("#help-dialog")).to_be_hidden()
    expect(page.locator("#confirm-dialog")).to_be_hidden()


def test_screen_readers_hear_status_but_not_every_tick(
    api: Api, page: Page, tasks: list[Task]
) -> None:
    page.evaluate(
        """() => {
            window.heard = [];
            const region = document.querySelector("#announcer");
            new MutationObserver(() => window.heard.push(region.textContent))
                .observe(region, { childList: true, characterData: true, subtree: true });
        }"""
    )
    for value in range(10, 50, 10):
        api.patch(tasks[0], progress=value)
        Row(page, tasks[0]).bar.expect_value(str(value))
    api.patch(tasks[0], status="completed")
    wait_until(page, "() => window.heard.some((text) => text.includes('completed'))")
    assert not any("%" in text for text in page.evaluate("window.heard"))
