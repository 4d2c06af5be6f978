"""Pages in a browser that runs no scripts: they show what they can, and promise nothing else."""

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
from e2e.elements import task_url
from e2e.pages import Pages
from e2e.server import Server


def expect_honest(page: Page) -> None:
    expect(page.locator("noscript p")).to_contain_text("does not update itself")
    for promise in ("#connection-status", "#log-search", "#log-pause", "#theme-button"):
        expect(page.locator(promise)).to_be_hidden()


@pytest.fixture(autouse=True)
def only_where_scripts_can_be_turned_off(browser_name: str) -> None:
    if browser_name != "chromium":
        pytest.skip("only Chromium's protocol turns scripts off")


@pytest.fixture
def task(api: Api) -> Task:
    task = api.create("quiet", status="running")
    api.append(task, *[f"line {n}" for n in range(1, 301)])
    return task


def test_a_task_shows_the_end_of_its_log_and_where_all_of_it_is(
    api: Api, pages: Pages, task: Task
) -> None:
    page = pages.open(task_url(api, task), java_script_enabled=False)
    expect_honest(page)
    expect(page.locator(".log-line").last).to_be_in_viewport()
    expect(page.locator(".log-line").last).to_contain_text("line 300")
    with page.expect_download() as begun:
        page.locator("#log-downloads [data-format=text]").click()
    assert begun.value.path().read_text().splitlines()[0] == "line 1"


@pytest.mark.owned
def test_all_logs_show_their_newest_lines(server: Server, pages: Pages) -> None:
    page = pages.open(f"{server.url}/logs", java_script_enabled=False)
    expect_honest(page)
    task = server.api.create("<b>quiet</b>", status="running")
    server.api.append(task, "one", "<i>two</i>")
    page.reload()
    expect(page.locator(".log-text")).to_have_text(["one", "<i>two</i>"])
    expect(page.locator(".log-task").last).to_have_text(f"#{task['id']} <b>quiet</b>")
    page.locator(".log-number").last.click()
    expect(page).to_have_url(task_url(server.api, task))
