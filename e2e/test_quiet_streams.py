"""Nothing happens: the page is live at once, stays live, and asks no more than it must."""

from playwright.sync_api import expect

from e2e.api import Api
from e2e.elements import expect_live, expect_log, task_url, tasks_url
from e2e.fault_proxy import FaultProxy
from e2e.pages import Pages


def stream_requests(proxy: FaultProxy) -> int:
    return len(proxy.requests(" /events/| /[^ ]+/events/"))


def test_a_quiet_page_is_live_at_once_and_stays_on_its_stream(
    api: Api, pages: Pages, proxy: FaultProxy
) -> None:
    page = pages.open(tasks_url(api, proxy.url))
    expect_live(page)
    api.heartbeats(4)
    expect_live(page)
    assert stream_requests(proxy) == 1


def test_a_finished_task_is_not_asked_for_again_and_again(
    api: Api, pages: Pages, proxy: FaultProxy
) -> None:
    task = api.create(status="running")
    api.append(task, "one", "two")
    api.patch(task, status="completed")
    page = pages.open(task_url(api, task, proxy.url))
    expect_live(page)
    expect_log(page, ["one", "two"])
    api.heartbeats(3)
    assert stream_requests(proxy) <= 2
    expect_log(page, ["one", "two"])


def test_a_task_that_ends_while_it_is_watched_is_quiet_too(
    api: Api, pages: Pages, proxy: FaultProxy
) -> None:
    task = api.create(status="running")
    page = pages.open(task_url(api, task, proxy.url))
    expect_live(page)
    api.append(task, "one")
    api.patch(task, status="failed", error="disk full")
    expect(page.locator("#task .task-status-badge")).to_contain_text("failed")
    before = stream_requests(proxy)
    api.heartbeats(3)
    assert stream_requests(proxy) - before <= 1
    expect_log(page, ["one"])


def test_a_new_attempt_of_a_finished_task_is_noticed(api: Api, pages: Pages) -> None:
    task = api.create(claimable=True, status="failed", error="disk full")
    page = pages.open(task_url(api, task))
    expect_live(page)
    api.heartbeats(1)
    api.call("POST", f"/api/tasks/{task['id']}/retry", {})
    badge = page.locator("#task .task-status-badge")
    expect(badge).to_contain_text("pending")
    api.patch(task, status="running")
    expect(badge).to_contain_text("running")
    api.append(task, "second attempt")
    expect_log(page, ["second attempt"])
