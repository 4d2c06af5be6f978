"""Known failures of live pages, each through a real box that causes it."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.boxes import Box
from e2e.elements import (
    Row,
    connection,
    expect_connection,
    expect_live,
    expect_log,
    wait_until,
)
from e2e.pages import Pages
from e2e.server import Server

Put = Callable[..., Box]
pytestmark = pytest.mark.owned


def address(api: Api, box: Box, path: str = "/tasks") -> str:
    return f"{box.url}{path}?queue={api.queue}" if path == "/tasks" else f"{box.url}{path}"


def wait(page: Page, seconds: float) -> None:
    start = page.evaluate("performance.now()")
    check = f"start => performance.now() - start > {1000 * seconds}"
    wait_until(page, check, start, within=1000 * seconds + 10_000)


def requests(box: Box, pattern: str) -> list[str]:
    """What nginx wrote of requests that have ended."""
    lines = (box.folder / "access.log").read_text().splitlines()
    return [line for line in lines if re.search(pattern, line)]


def wipe(server: Server) -> None:
    """A new database in the old one's place, as a clumsy restore leaves it."""
    server.stop()
    for file in server.db.parent.glob(f"{server.db.name}*"):
        file.unlink()
    server.start()


def test_a_mute_stream_is_left_for_one_loop_of_polls(
    server: Server, pages: Pages, before: Put
) -> None:
    api = server.api
    box = before(server, "nginx-ignore-header")
    task = api.create("behind a mute box", status="running", progress=1)
    page = pages.open(address(api, box), network_trouble=True)
    expect_connection(page, "polling", "long-poll")
    expect(connection(page)).to_contain_text("polling")
    done = len(requests(box, "GET /events/"))
    for progress in (10, 20, 30):
        api.patch(task, progress=progress)
        Row(page, task).bar.expect_value(str(progress))
    wait(page, 6)
    # Each update ended a poll; silence ends one after half the 5 s that this box bears, or all.
    assert len(requests(box, "GET /events/")) - done <= 3 + 4


@pytest.mark.parametrize("name", ["nginx", "nginx-ignore-header"])
def test_a_new_database_is_noticed_through_a_box(
    server: Server, pages: Pages, before: Put, name: str
) -> None:
    api = server.api
    box = before(server, name)
    old = [api.create(f"old {number}", status="running") for number in range(8)]
    page = pages.open(address(api, box), network_trouble=True)
    expect_connection(page, "live" if name == "nginx" else "polling")
    wipe(server)
    new = api.create("new life", status="running", progress=5)
    assert new["id"] == old[0]["id"]
    rows = page.locator("#rows tr[data-task-id]")
    expect(rows).to_have_count(1, timeout=20_000)
    expect(rows).to_contain_text("new life")
    api.patch(new, progress=55)
    Row(page, new).bar.expect_value("55")


@pytest.mark.parametrize("keep", [False, True], ids=["stripped", "kept"])
def test_nothing_leaves_a_path_prefix(
    make_server: Callable[..., Server], pages: Pages, before: Put, keep: bool
) -> None:
    server = make_server(**({"path_prefix": "/dash"} if keep else {}))
    box = before(server, "nginx", prefix="/dash", keep_prefix=keep)
    # The client is under the prefix too.
    with Api(box.url) as api:
        task = api.create("below /dash/", status="running", progress=10)
        api.append(task, "one", "two")
        page = pages.open(box.url)  # without the slash
        expect_live(page)
        Row(page, task).bar.expect_value("10")
        page.get_by_role("link", name="below /dash/").first.click()
        expect(page).to_have_url(re.compile(rf"/dash/tasks/{task['id']}$"))
        expect_live(page)
        expect_log(page, ["one", "two"])
        page.reload()
        expect_live(page)
        api.append(task, "three")
        expect_log(page, ["one", "two", "three"])
        page.go_back()
        expect_live(page)
        text = api.http.get(f"/api/tasks/{task['id']}/logs", params={"format": "text"}).text
        assert text.split() == ["one", "two", "three"]
    # Those of the worker that holds the stream too, which only the box sees.
    assert not [line for line in requests(box, "") if not re.search(r'"[A-Z]+ /dash[/ ]', line)]
    assert requests(box, "GET /dash/api/")


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_a_box_that_answers_502_meanwhile_is_not_hammered(
    server: Server, pages: Pages, before: Put, name: str
) -> None:
    api = server.api
    box = before(server, name)
    task = api.create("restarted", status="running")
    page = pages.open(address(api, box, f"/tasks/{task['id']}"), network_trouble=True)
    expect_live(page)
    api.append(task, "before")
    expect_log(page, ["before"])
    server.stop()
    expect_connection(page, "offline")
    tried = len(pages.guard(page).requests)
    wait(page, 12)
    assert httpx.get(box.url, trust_env=False).status_code in (502, 503)
    assert len(pages.guard(page).requests) - tried <= 16
    if name == "nginx":
        assert len(requests(box, '" 502 ')) <= 24
    server.start()
    api.append(task, "after")
    expect_log(page, ["before", "after"])
    expect_live(page)


def test_the_page_of_a_finished_task_does_not_reconnect(
    server: Server, pages: Pages, before: Put
) -> None:
    api = server.api
    box = before(server, "nginx")
    task = api.create("over", status="running")
    api.append(task, "the last line")
    api.patch(task, status="completed")
    page = pages.open(address(api, box, f"/tasks/{task['id']}"))
    expect_log(page, ["the last line"])
    wait(page, 15)
    assert len(requests(box, "GET /events/")) <= 1
    assert len(requests(box, "GET /api/")) <= 3


def test_eight_tabs_of_one_browser_load_and_live(server: Server, pages: Pages, before: Put) -> None:
    """HTTP/1.1 gives a browser six connections to a host, and streams keep theirs."""
    api = server.api
    box = before(server, "nginx")
    task = api.create("in every tab", status="running", progress=1)
    first = pages.open(address(api, box))
    expect_live(first)
    tabs = [first]
    for number in range(7):
        tab = first.context.new_page()
        path = f"/tasks/{task['id']}" if number % 2 else "/tasks"
        tab.goto(address(api, box, path), wait_until="load", timeout=2_000)
        tabs.append(tab)
    for tab in tabs:
        expect_connection(tab, "live")
    api.patch(task, progress=66)
    for tab in tabs:
        bar = tab.locator(".task-progress-bar").first
        expect(bar).to_have_attribute("aria-valuenow", "66", timeout=2_000)
    # Whoever held the stream may go.
    first.close()
    api.patch(task, progress=77)
    for tab in tabs[1:]:
        bar = tab.locator(".task-progress-bar").first
        expect(bar).to_have_attribute("aria-valuenow", "77", timeout=5_000)
