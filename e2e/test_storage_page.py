"""The page /storage: what is kept, how large it is, what goes next, and that it stays true."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
from e2e.elements import expect_live, task_url, wait_until
from e2e.log_box import LogBox
from e2e.pages import Pages
from e2e.server import Server

OFTEN = 25_000.0  # milliseconds in which the page has asked anew, twice


def row(page: Page, task: Task) -> str:
    return f'#largest tr[data-task-id="{task["id"]}"]'


def rule(page: Page, setting: str) -> str:
    return f'.rule[data-setting="{setting}"]'


def ask_anew(page: Page) -> None:
    """What else would happen within seconds."""
    page.evaluate("dispatchEvent(new Event('online'))")


def come_back(page: Page) -> None:
    """What a reader does who looked at another tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def write(api: Api, task: Task, lines: int) -> None:
    for start in range(0, lines, 1000):
        api.append(task, *(f"line {n:x} {n:b} {n:o}" for n in range(start, start + 1000)))


@pytest.mark.owned
def test_a_fresh_server_keeps_nothing_yet(server: Server, pages: Pages) -> None:
    page = pages.open(f"{server.url}/tasks")
    page.get_by_role("link", name="Storage").click()
    expect(page).to_have_url(f"{server.url}/storage")
    expect(page.locator("#storage-used + span")).to_have_text("used of 10.7 GB")
    expect(page.locator("#storage-empty")).to_be_visible()
    expect(page.locator(".rule-next")).to_have_text(["Next: nothing yet"] * 5)
    expect(page.get_by_role("meter", name="Size of the file")).to_have_attribute(
        "aria-valuenow", "0"
    )


@pytest.mark.owned
def test_it_follows_what_happens_and_leaves_the_reader_alone(server: Server, pages: Pages) -> None:
    long = server.api.create("long", status="running")
    write(server.api, long, 6000)
    page = pages.open(f"{server.url}/storage")
    link = page.locator(f"{row(page, long)} a")
    expect(page.locator(f"{row(page, long)} .col-lines")).to_have_text("6,000 lines")
    link.focus()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.storage-head p'))")
    longer = server.api.create("longer", status="running")
    write(server.api, longer, 8000)
    expect(page.locator("#largest tbody tr").first).to_contain_text("longer", timeout=OFTEN)
    expect(page.locator(f"{row(page, long)} .col-lines")).to_have_text("6,000 lines")
    expect(page.locator(".parts li").first).to_contain_text("14,000 lines in 2 logs")
    assert page.evaluate("getSelection().toString()").startswith("What is kept")
    assert page.evaluate("document.activeElement.closest('#largest') !== null")
    page.locator(f"{row(page, longer)} a").click()
    expect(page).to_have_url(task_url(server.api, longer))


@pytest.mark.owned
def test_lines_beyond_a_limit_go_and_both_pages_tell(
    make_server: Callable[..., Server], pages: Pages
) -> None:
    server = make_server(retention_log_bytes=2**16)
    task = server.api.create("too long", status="running")
    write(server.api, task, 30_000)
    page = pages.open(f"{server.url}/storage")
    size = page.locator(rule(page, "retention_log_bytes"))
    expect(size.locator(".rule-next")).to_contain_text("lines 1 to 4,000 · now")
    expect(size.locator(".bar")).to_have_attribute("aria-valuenow", "100")
    expect(size.locator(".rule-next")).to_contain_text("once the limit is passed", timeout=40_000)
    expect(page.locator(f"{row(page, task)} .col-lines")).to_contain_text("from line")
    first = server.api.call("GET", f"/api/tasks/{task['id']}/logs?tail=0")["first"]
    size.get_by_role("link").click()
    expect_live(page)
    page.locator("#log").press("Home")
    expect(page.locator("#log-start")).to_have_text(
        f"{first - 1:,} older lines were removed by retention"
    )
    expect(page.locator("#log-lines .log-line").first).to_have_attribute("data-n", str(first))


@pytest.mark.owned
def test_an_open_log_tells_what_retention_removed(
    make_server: Callable[..., Server], pages: Pages
) -> None:
    server = make_server(retention_log_bytes=2**16)
    task = server.api.create("too long", status="running")
    write(server.api, task, 6_000)
    page = pages.open(task_url(server.api, task))
    expect_live(page)
    box = LogBox(page)
    box.press("Home")
    before = box.rest()
    assert before.numbers[0] == 1
    write(server.api, task, 24_000)
    note = page.locator("#log-start")
    reading = f"/api/tasks/{task['id']}/logs?tail=0"
    limit = time.monotonic() + 40
    while (first := server.api.call("GET", reading)["first"]) < 4_000:
        assert time.monotonic() < limit, "nothing is removed"
    with page.expect_response("**/logs?tail=0"):
        come_back(page)
    assert box.rest().stands_as(before)  # who looks at them is not thrown out
    box.press("End")
    box.expect_end(30_000)
    box.press("Home")
    expect(note).to_contain_text("older lines were removed by retention")
    first = server.api.call("GET", reading)["first"]
    expect(note).to_have_text(f"{first - 1:,} older lines were removed by retention")
    expect(box.total).to_have_text(f"{30_001 - first:,} lines")
    assert box.settled(first).numbers[0] == first


@pytest.mark.owned
def test_figures_that_are_old_are_said_to_be(server: Server, pages: Pages) -> None:
    page = pages.open(f"{server.url}/storage", network_trouble=True)
    stale = page.locator("#storage-stale")
    expect(page.locator("#help-button")).to_be_hidden()  # by the script, so that runs
    server.stop()
    ask_anew(page)
    expect(stale).to_contain_text("The server does not answer; these figures are")
    server.start()
    expect(stale).to_be_hidden(timeout=OFTEN)


def test_it_speaks_the_readers_language(api: Api, pages: Pages) -> None:
    write(api, api.create("日志"), 1000)
    page = pages.open(f"{api.url}/storage", locale="zh-CN")
    expect(page.locator("h1")).to_have_text("存储")
    expect(page.locator(".section-title").first).to_have_text("接下来清除什么")
    expect(page.locator("#help-button")).to_be_hidden()
    page.evaluate("document.querySelector('.file-used').dataset.old = ''")
    ask_anew(page)
    wait_until(page, "() => !('old' in document.querySelector('.file-used').dataset)")
    expect(page.locator("h1")).to_have_text("存储")
