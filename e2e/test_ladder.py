"""SSE, long-poll, poll: down when a box in between spoils one, up again when it carries."""

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
from e2e.elements import (
    Row,
    connection,
    expect_connection,
    expect_live,
    expect_log,
    go_back,
    task_url,
    tasks_url,
)
from e2e.fault_proxy import FaultProxy
from e2e.pages import Pages
from e2e.producer import Producer

BRISK = {
    "hello": 700,
    "wait": 3000,
    "backoff": 100,
    "grace": 300,
    "pollEvery": 300,
    "probes": [1500],
}
STEADY = {**BRISK, "probes": [60_000]}  # stays down for the rest of the test
STREAMS = "accept: text/event-stream"
POLLS = r"GET /events/\S+wait=[1-9]"


@pytest.fixture
def no_poll_lasts(proxy: FaultProxy, browser_name: str) -> None:
    """Long-polls fail as quickly as streams do.

    Firefox repeats by itself, ten times and silently, what was cut before the first byte of its
    answer, so that a page cannot see the cut; it sees a refusal.
    """
    if browser_name == "firefox":
        proxy.set("502", match=f"{STREAMS}|{POLLS}")
    else:
        proxy.set("cut", seconds=0.5, match="/events/")


@pytest.fixture
def task(api: Api) -> Task:
    return api.create("on every rung", status="running", progress=1)


def expect_updates(api: Api, page: Page, task: Task, *values: int) -> None:
    for value in values:
        api.patch(task, progress=value)
        Row(page, task).bar.expect_value(str(value))


@pytest.mark.parametrize("hold_headers", [False, True], ids=["body held", "headers held too"])
def test_a_mute_stream_gives_way_to_long_polls(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task, hold_headers: bool
) -> None:
    proxy.set("buffer", hold_headers=hold_headers)
    page = pages.open(tasks_url(api, proxy.url), timings=STEADY)
    expect_connection(page, "polling", "long-poll")
    expect(connection(page)).to_contain_text("polling")
    expect_updates(api, page, task, 10, 20, 30)


def test_there_is_one_poll_at_a_time(api: Api, pages: Pages, proxy: FaultProxy, task: Task) -> None:
    proxy.set("buffer")
    page = pages.open(tasks_url(api, proxy.url), timings={**STEADY, "wait": 20_000})
    expect_connection(page, "polling", "long-poll")
    expect_updates(api, page, task, 10, 20)
    before = len(proxy.requests(POLLS))
    expect_updates(api, page, task, 30, 40, 50)
    # Each event answers the waiting poll, and one more takes its place.
    assert len(proxy.requests(POLLS)) - before <= 3
    targets = [request.target for request in proxy.requests(POLLS)]
    assert len(set(targets)) == len(targets), "a cache may answer equal addresses with one answer"


def test_a_refused_stream_gives_way_to_long_polls(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    proxy.set("502", match=STREAMS)
    page = pages.open(tasks_url(api, proxy.url), timings=STEADY, network_trouble=True)
    expect_connection(page, "polling", "long-poll")
    expect_updates(api, page, task, 10, 20, 30)


def test_a_stream_that_falls_silent_gives_way(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    timings = {**STEADY, "silence": 1.2}
    page = pages.open(tasks_url(api, proxy.url), timings=timings, network_trouble=True)
    expect_live(page)
    proxy.set("black-hole", match=STREAMS)
    expect_connection(page, "polling", "long-poll", within=45_000)
    expect_updates(api, page, task, 10, 20, 30)


@pytest.mark.usefixtures("no_poll_lasts")
def test_requests_that_fail_quickly_give_way_to_plain_polls(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    page = pages.open(tasks_url(api, proxy.url), timings=STEADY, network_trouble=True)
    expect_connection(page, "polling", "poll", within=30_000)
    expect_updates(api, page, task, 10, 20, 30)


def test_the_wait_adapts_to_a_proxy_that_cuts(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task, browser_name: str
) -> None:
    """Cut at 2 s of silence, it asks for at most 1 s and stays with long-polls."""
    if browser_name == "firefox":
        pytest.skip("Firefox repeats a GET that was cut before its first byte, unseen by the page")
    timings = {**STEADY, "quick": 500, "shortestWait": 500, "wait": 10_000}
    proxy.set("buffer", match=STREAMS)
    page = pages.open(tasks_url(api, proxy.url), timings=timings, network_trouble=True)
    expect_connection(page, "polling", "long-poll")
    proxy.set("cut", seconds=2, match="/events/")
    proxy.wait_for(r"[?&]wait=1[& ]")
    expect_connection(page, "polling", "long-poll")
    expect_updates(api, page, task, 10, 20)


def test_it_climbs_back_when_the_stream_carries(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    proxy.set("buffer")
    page = pages.open(tasks_url(api, proxy.url), timings=BRISK)
    expect_connection(page, "polling", "long-poll")
    expect_updates(api, page, task, 10)
    proxy.set("pass")
    expect_live(page, within=30_000)
    expect_updates(api, page, task, 20, 30)


@pytest.mark.usefixtures("no_poll_lasts")
def test_it_climbs_back_from_plain_polls(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    page = pages.open(tasks_url(api, proxy.url), timings=BRISK, network_trouble=True)
    expect_connection(page, "polling", "poll", within=30_000)
    proxy.set("pass")
    expect_live(page, within=30_000)
    expect_updates(api, page, task, 20, 30)


def test_no_line_is_lost_or_doubled_on_the_way_down_and_up(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    timings = {**BRISK, "silence": 1.2}
    page = pages.open(task_url(api, task, proxy.url), timings=timings, network_trouble=True)
    expect_live(page)
    with Producer(api, task, lines=150, pause=0.05) as producer:
        producer.wait_for(20)
        proxy.set("buffer")
        proxy.cut("/events/")
        expect_connection(page, "polling", "long-poll")
        proxy.cut("/events/")
        proxy.set("pass")
        expect_live(page, within=30_000)
        producer.finish()
        expect_log(page, producer.lines)


def test_a_captive_portal_is_not_taken_for_the_server(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    timings = {**BRISK, "longBackoff": 500}
    page = pages.open(tasks_url(api, proxy.url), timings=timings, network_trouble=True)
    expect_live(page)
    proxy.set("html", match="/events/|/api/")
    expect_connection(page, "offline")
    expect(Row(page, task).locator).to_be_visible()
    proxy.set("pass")
    expect_live(page)
    expect_updates(api, page, task, 20)


def test_the_reason_of_a_fallback_can_be_read(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    proxy.set("buffer")
    page = pages.open(tasks_url(api, proxy.url), timings=STEADY)
    expect_connection(page, "polling", "long-poll")
    connection(page).hover()
    detail = page.locator("#connection-detail")
    expect(detail).to_be_visible()
    expect(detail).to_contain_text("nothing arrived through it")
    expect_updates(api, page, task, 10)
    expect(detail).to_contain_text("last event")


def test_going_back_in_history_is_live_again(api: Api, pages: Pages, task: Task) -> None:
    page = pages.open(tasks_url(api))
    expect_live(page)
    page.goto(task_url(api, task))
    expect_live(page)
    go_back(page, tasks_url(api))
    expect_live(page)
    expect_updates(api, page, task, 10, 20)


def test_silence_is_shown_before_it_is_judged(
    api: Api, pages: Pages, proxy: FaultProxy, task: Task
) -> None:
    page = pages.open(tasks_url(api, proxy.url), timings={"silence": 6}, network_trouble=True)
    expect_live(page)
    api.heartbeats(2)  # the page has had some too
    detail = page.locator("#connection-status .connection-quiet")
    expect(detail).to_have_text("")
    proxy.set("black-hole")
    expect(detail).to_contain_text("nothing for", timeout=60_000)
    expect_connection(page, "live", "sse")
    proxy.set("pass")


def test_the_status_leads_to_the_network_check(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api))
    expect_live(page)
    connection(page).click()
    expect(page).to_have_url(f"{api.url}/network")
