"""Restarts and cuts: the page comes back by itself, with every line once and in order."""

import signal

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.elements import (
    Row,
    expect_connection,
    expect_live,
    expect_log,
    log_texts,
    task_url,
    tasks_url,
    wait_until,
)
from e2e.fault_proxy import FaultProxy, Mode
from e2e.pages import Pages
from e2e.producer import Producer
from e2e.server import Server

BRISK = {"backoff": 100, "shortBackoff": 400, "grace": 300, "probes": [500], "answerWithin": 2000}
LINES = [f"line {number}" for number in range(1, 61)]
SIGNALS = [signal.SIGTERM, signal.SIGKILL]


@pytest.mark.owned
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_restart_loses_and_doubles_nothing(
    server: Server, pages: Pages, number: signal.Signals
) -> None:
    api = server.api
    task = api.create(status="running")
    page = pages.open(task_url(api, task), timings=BRISK, network_trouble=True)
    expect_live(page)
    api.append(task, *LINES[:20])
    expect_log(page, LINES[:20])
    server.stop(number)
    expect_connection(page, "offline")
    server.start()
    api.append(task, *LINES[20:40])
    expect_live(page)
    api.append(task, *LINES[40:])
    expect_log(page, LINES)


@pytest.mark.owned
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_restarts_under_load_lose_and_double_nothing(
    server: Server, pages: Pages, number: signal.Signals
) -> None:
    api = server.api
    task = api.create(status="running")
    page = pages.open(task_url(api, task), timings=BRISK, network_trouble=True)
    expect_live(page)
    with Producer(api, task, lines=150) as producer:
        for count in (30, 60, 90):
            producer.wait_for(count)
            server.restart(number)
        producer.finish()
        expect_live(page)
        expect_log(page, producer.lines)


@pytest.mark.owned
def test_the_list_is_right_after_a_restart(server: Server, pages: Pages) -> None:
    api = server.api
    moved, finished = api.create("moved", status="running"), api.create("over", status="running")
    page = pages.open(tasks_url(api), timings=BRISK, network_trouble=True)
    expect_live(page)
    server.restart(signal.SIGKILL)
    new = api.create("new", status="running", progress=12)
    api.patch(moved, progress=77)
    api.patch(finished, status="completed")
    Row(page, moved).bar.expect_value("77")
    expect(Row(page, finished).badge).to_contain_text("completed")
    Row(page, new).bar.expect_value("12")
    expect(page.locator("#rows tr[data-task-id]")).to_have_count(3)
    expect_live(page)


@pytest.mark.owned
def test_a_page_that_was_offline_says_so_and_stays_readable(server: Server, pages: Pages) -> None:
    api = server.api
    task = api.create(status="running", progress=30)
    page = pages.open(tasks_url(api), timings=BRISK, network_trouble=True)
    expect_live(page)
    server.stop()
    expect_connection(page, "offline")
    expect(page.locator("#connection-status")).to_contain_text("offline")
    expect(page.locator("#connection-stale")).to_be_visible()
    Row(page, task).bar.expect_value("30")
    server.start()
    expect_live(page)
    expect(page.locator("#connection-stale")).to_be_hidden()


def test_cuts_lose_and_double_nothing(api: Api, pages: Pages, proxy: FaultProxy) -> None:
    task = api.create(status="running")
    url = task_url(api, task, proxy.url)
    page = pages.open(url, timings=BRISK, network_trouble=True)
    expect_live(page)
    with Producer(api, task, lines=150) as producer:
        for count in range(15, 150, 15):
            producer.wait_for(count)
            proxy.cut("/events/")
        producer.finish()
        expect_log(page, producer.lines)
    expect_live(page)


OUTAGES: list[Mode] = ["reset", "502", "html", "black-hole"]


@pytest.mark.parametrize("mode", OUTAGES)
def test_an_outage_loses_and_doubles_nothing(
    api: Api, pages: Pages, proxy: FaultProxy, mode: Mode
) -> None:
    task = api.create(status="running")
    # Silence is noticed by the heartbeats that are missing: 2 s apart here, 15 s elsewhere.
    timings = {**BRISK, "silence": 1.2, "hello": 1500, "wait": 1000, "longBackoff": 500}
    timings |= {"answerWithin": 800, "probes": [2000]}
    page = pages.open(task_url(api, task, proxy.url), timings=timings, network_trouble=True)
    expect_live(page)
    api.append(task, *LINES[:20])
    expect_log(page, LINES[:20])
    proxy.set(mode)
    api.append(task, *LINES[20:40])
    expect_connection(page, "offline", within=45_000)
    assert log_texts(page) == LINES[:20]
    proxy.set("pass")
    expect_log(page, LINES[:40])
    api.append(task, *LINES[40:])
    expect_log(page, LINES)
    expect_live(page, within=30_000)


@pytest.mark.parametrize("mode", ["502", "html", "black-hole"])
def test_a_result_that_could_not_be_read_is_read_again(
    api: Api, pages: Pages, proxy: FaultProxy, mode: Mode
) -> None:
    task = api.create(status="running")
    page = pages.open(task_url(api, task, proxy.url), timings={"reply": 500}, network_trouble=True)
    expect_live(page)
    read = f"/api/tasks/{task['id']} "
    proxy.set(mode, match=read)
    api.patch(task, status="completed", result={"files": 12})
    proxy.wait_for(read)
    proxy.set("pass")
    page.locator("#result summary").click()
    expect(page.locator("#result pre")).to_contain_text('"files": 12')


def test_counts_that_could_not_be_read_are_read_again(
    api: Api, pages: Pages, proxy: FaultProxy
) -> None:
    page = pages.open(tasks_url(api, proxy.url), timings=BRISK, network_trouble=True)
    expect_live(page)
    proxy.set("502", match="/api/stats ")
    task = api.create(status="running")
    proxy.wait_for("/api/stats ")
    expect(Row(page, task).locator).to_be_visible()
    proxy.set("pass")
    proxy.cut("/events/")
    running = api.call("GET", "/api/stats")["counts"]["running"]
    chip = page.locator('#chips [data-status="running"] .chip-count')
    expect(chip).to_have_text(str(running))


def test_a_server_that_is_away_is_not_hammered(api: Api, pages: Pages, proxy: FaultProxy) -> None:
    """With the product's own timings: tries come further and further apart, and then it is back."""
    task = api.create(status="running")
    page = pages.open(task_url(api, task, proxy.url), network_trouble=True)
    expect_live(page)
    proxy.set("502", match="/events/|/api/")
    before = len(proxy.requests())
    expect_connection(page, "offline")
    wait_until(page, "start => performance.now() - start > 6000", arg=now(page))
    assert len(proxy.requests()) - before <= 16  # some seven tries of two requests
    proxy.set("pass")
    expect_live(page)
    api.append(task, "after all that")
    expect_log(page, ["after all that"])


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "need to log in"), (403, "forbidden"), (404, "does not know"), (429, "no room")],
)
def test_a_refusal_is_said_and_not_repeated(
    api: Api, pages: Pages, proxy: FaultProxy, status: int, words: str
) -> None:
    page = pages.open(tasks_url(api, proxy.url), network_trouble=True)
    expect_live(page)
    proxy.set("refuse", status=status, match="/events/")
    expect_connection(page, "offline")
    expect(page.locator("#connection-stale")).to_contain_text(words)
    before = len(proxy.requests("/events/"))
    wait_until(page, "start => performance.now() - start > 2000", arg=now(page))
    # 429 passes by itself, so it is tried again: with growing pauses, two requests a try.
    assert len(proxy.requests("/events/")) - before <= (4 if status == 429 else 1)
    proxy.set("pass")
    page.reload()
    expect_live(page)


def now(page: Page) -> float:
    value: float = page.evaluate("performance.now()")
    return value
