"""Many tabs, one stream: all of them live, whichever tab closes, crashes or freezes."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Task
from e2e.browsers import LAN_NAME, Engine
from e2e.elements import (
    Row,
    connection,
    expect_connection,
    expect_live,
    expect_log,
    task_url,
    tasks_url,
)
from e2e.fault_proxy import FaultProxy
from e2e.pages import Pages
from e2e.producer import Producer
from e2e.server import Server

WAYS = ["worker", "locks"]

pytestmark = pytest.mark.owned


@pytest.fixture
def task(server: Server) -> Task:
    return server.api.create("seen by all", status="running", progress=1)


def streams(server: Server) -> int:
    count: int = server.api.call("GET", "/healthz")["streams"]
    return count


def open_tabs(
    pages: Pages, server: Server, task: Task, count: int, *, url: str | None = None, **timings: Any
) -> list[Page]:
    """Tabs of one browser, of the list and of the task in turn."""
    addresses = [tasks_url(server.api, url), task_url(server.api, task, url)]
    first = pages.open(addresses[0], timings=timings, network_trouble=True)
    tabs = [first]
    for number in range(1, count):
        tab = first.context.new_page()
        tab.goto(addresses[number % 2], wait_until="load")
        tabs.append(tab)
    return tabs


def expect_all(server: Server, tabs: list[Page], task: Task, value: int) -> None:
    server.api.patch(task, progress=value)
    for tab in tabs:
        bars = f'tr[data-task-id="{task["id"]}"] .task-progress-bar, #task .task-progress-bar'
        expect(tab.locator(bars)).to_have_attribute("aria-valuenow", str(value))


@pytest.mark.parametrize("way", WAYS)
def test_ten_tabs_share_one_stream(server: Server, pages: Pages, task: Task, way: str) -> None:
    """The seventh would not even load if each held a connection: HTTP/1.1 allows six."""
    tabs = open_tabs(pages, server, task, 10, share=way)
    for tab in tabs:
        expect_live(tab)
    assert streams(server) == 1
    roles = {connection(tab).get_attribute("data-shared") for tab in tabs}
    assert roles == ({"worker"} if way == "worker" else {"leader", "follower"})
    expect_all(server, tabs, task, 40)
    with Producer(server.api, task, lines=50) as producer:
        producer.finish()
    for tab in tabs[1::2]:
        expect_log(tab, producer.lines)


def test_ten_tabs_on_plain_http_with_a_name(
    make_server: Callable[..., Server], pages: Pages
) -> None:
    """Not a secure context: there are no locks, but shared workers there are."""
    server = make_server(allowed_hosts=LAN_NAME)
    task = server.api.create("seen by all", status="running", progress=1)
    url = f"http://{LAN_NAME}:{urlsplit(server.url).port}"
    tabs = open_tabs(pages, server, task, 10, url=url)
    assert tabs[0].evaluate("[isSecureContext, typeof navigator.locks]") == [False, "undefined"]
    for tab in tabs:
        expect_live(tab)
    assert streams(server) == 1
    expect_all(server, tabs, task, 40)


def test_tabs_that_cannot_share_poll_and_only_the_visible_ones(
    server: Server, pages: Pages, task: Task
) -> None:
    tabs = open_tabs(pages, server, task, 8, share="alone", pollEvery=300)
    for tab in tabs:
        expect_connection(tab, "polling", "poll")
        expect(connection(tab)).to_have_attribute("data-shared", "alone")
    expect_all(server, tabs, task, 40)


SHOW = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_tab_that_cannot_share_asks_nothing(
    server: Server, pages: Pages, task: Task
) -> None:
    with FaultProxy.before(server.url) as proxy:
        url = tasks_url(server.api, proxy.url)
        page = pages.open(url, timings={"share": "alone", "pollEvery": 300})
        expect_connection(page, "polling", "poll")
        page.evaluate(SHOW, True)
        before = len(proxy.requests("/events/"))
        server.api.patch(task, progress=40)
        server.api.heartbeats(1)
        assert len(proxy.requests("/events/")) - before <= 1  # one may have been under way
        page.evaluate(SHOW, False)
        expect_all(server, [page], task, 41)


@pytest.mark.parametrize("way", WAYS)
def test_a_tab_that_closes_hands_over(server: Server, pages: Pages, task: Task, way: str) -> None:
    tabs = open_tabs(pages, server, task, 4, share=way)
    for tab in tabs:
        expect_live(tab)
    with Producer(server.api, task, lines=100, pause=0.02) as producer:
        for tab in tabs[:3]:
            producer.wait_for(producer.acknowledged + 20)
            tab.close()
        producer.finish()
    expect_log(tabs[3], producer.lines)
    expect_live(tabs[3])
    assert streams(server) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_tab_that_crashes_is_survived(
    server: Server, pages: Pages, task: Task, engine: Engine, way: str
) -> None:
    tabs = open_tabs(pages, server, task, 4, share=way)
    for tab in tabs:
        expect_live(tab)
    leading = "worker" if way == "worker" else "leader"
    expect(connection(tabs[0])).to_have_attribute("data-shared", leading)
    with Producer(server.api, task, lines=200, pause=0.02) as producer:
        producer.wait_for(20)
        engine.crash(tabs[0])
        producer.finish()
    expect_log(tabs[3], producer.lines)
    expect_all(server, tabs[1:], task, 60)
    for tab in tabs[1:]:
        expect_live(tab)
    assert streams(server) == 1


FREEZE = """() => setTimeout(() => {
    const end = performance.now() + 6000;
    while (performance.now() < end);
}, 0)"""


def test_a_leader_that_freezes_is_replaced(server: Server, pages: Pages, task: Task) -> None:
    tabs = open_tabs(pages, server, task, 4, share="locks")
    for tab in tabs:
        expect_live(tab)
    leader = next(tab for tab in tabs if connection(tab).get_attribute("data-shared") == "leader")
    others = [tab for tab in tabs if tab is not leader]
    leader.evaluate(FREEZE)
    expect_all(server, others, task, 30)
    for tab in others:
        expect_live(tab)
    expect_all(server, tabs, task, 60)
    expect(connection(leader)).to_have_attribute("data-shared", "follower")
    assert streams(server) == 1


def test_a_row_is_counted_once_in_every_tab(server: Server, pages: Pages) -> None:
    """A tab that comes late makes the stream go back; nobody is told anything twice."""
    task = server.api.create("told once", status="running")
    tabs = open_tabs(pages, server, task, 2)
    for tab in tabs:
        expect_live(tab)
    with Producer(server.api, task, lines=150, pause=0.02) as producer:
        for count in (30, 60, 90):
            producer.wait_for(count)
            tab = tabs[0].context.new_page()
            tab.goto(task_url(server.api, task), wait_until="load")
            tabs.append(tab)
        producer.finish()
    for tab in tabs[1:]:
        expect_log(tab, producer.lines)
    server.api.patch(task, status="completed")
    for tab in tabs:
        expect(tab.locator(".toast", has_text="told once")).to_have_count(1)
    expect(Row(tabs[0], task).badge).to_contain_text("completed")
    assert streams(server) == 1


def test_a_task_deleted_meanwhile_does_not_hold_up_the_others(
    server: Server, pages: Pages, task: Task
) -> None:
    """Its topic is refused when the shared stream comes back, and then left out."""
    gone = server.api.create("to be deleted", status="running")
    with FaultProxy.before(server.url) as proxy:
        tabs = open_tabs(pages, server, task, 2, url=proxy.url)
        doomed = tabs[0].context.new_page()
        doomed.goto(task_url(server.api, gone, proxy.url), wait_until="load")
        for tab in (*tabs, doomed):
            expect_live(tab)
        proxy.set("502", match="/events/|/api/")
        for tab in (*tabs, doomed):
            expect_connection(tab, "offline")
        server.api.delete(gone)
        server.api.patch(task, progress=50)
        proxy.set("pass")
        expect_all(server, tabs, task, 70)
        for tab in (*tabs, doomed):
            expect_live(tab)


FAULTS: list[dict[str, Any]] = [
    {"mode": "502"},
    {"mode": "html"},
    {"mode": "refuse", "status": 401},
    {"mode": "refuse", "status": 404},
    {"mode": "refuse", "status": 429},
]


@pytest.mark.parametrize("fault", FAULTS, ids=["502", "html", "401", "404", "429"])
def test_trouble_is_met_once_for_all_tabs(
    server: Server, pages: Pages, task: Task, fault: dict[str, Any]
) -> None:
    """Each says that it is offline, and is back when it is over; one stream asks for all."""
    with FaultProxy.before(server.url) as proxy:
        tabs = open_tabs(pages, server, task, 6, url=proxy.url)
        for tab in tabs:
            expect_live(tab)
        before = len(proxy.requests(""))
        proxy.set(match="/events/|/api/", **fault)
        proxy.cut("/events/")
        for tab in tabs:
            expect_connection(tab, "offline")
        # A stream, and a poll that tells why there was none, perhaps once more a second later.
        assert len(proxy.requests("")) - before < 2 * len(tabs)
        proxy.set("pass")
        tabs[0].evaluate("dispatchEvent(new Event('online'))")  # a refusal waits for a minute
        expect_all(server, tabs, task, 40)
        for tab in tabs:
            expect_live(tab)
        assert streams(server) == 1
