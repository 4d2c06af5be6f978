"""Cursors that the server cannot honour: pages read all anew and show nothing stale (H06)."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
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
from e2e.server import Server

BRISK = {"backoff": 100, "shortBackoff": 400, "grace": 300, "probes": [500], "answerWithin": 2000}
MUTE = {**BRISK, "hello": 700, "probes": [60_000]}  # stays with long-polls
STREAMS = "accept: text/event-stream"
KEPT_EVENTS = 100

pytestmark = pytest.mark.owned


@pytest.fixture
def front(server: Server) -> Iterator[FaultProxy]:
    """A proxy in front of this test's server."""
    with FaultProxy.before(server.url) as running:
        yield running


def wipe(server: Server) -> None:
    """Stop it and take its database away."""
    server.stop()
    for file in server.db.parent.glob(f"{server.db.name}*"):
        file.unlink()


def open_pages(
    pages: Pages, api: Api, task: Task, url: str, timings: Mapping[str, Any]
) -> tuple[Page, Page]:
    """The list and the task, as two tabs that share a connection."""
    rows = pages.open(tasks_url(api, url), timings=dict(timings), network_trouble=True)
    log = rows.context.new_page()
    log.goto(task_url(api, task, url), wait_until="load")
    return rows, log


def test_a_new_database_leaves_no_stale_rows(server: Server, pages: Pages) -> None:
    """The ids begin again at 1."""
    api = server.api
    old = [api.create(f"old {number}", status="running") for number in range(8)]
    page = pages.open(tasks_url(api), timings=BRISK, network_trouble=True)
    expect_live(page)
    wipe(server)
    server.start()
    new = api.create("new life", status="running", progress=5)
    assert new["id"] == old[0]["id"]
    expect(page.locator("#rows tr[data-task-id]")).to_have_count(1)
    row = Row(page, new)
    expect(row.locator).to_contain_text("new life")
    expect_live(page)
    api.patch(new, progress=55)
    row.bar.expect_value("55")


def test_a_task_that_another_life_has_again_is_followed(
    server: Server, front: FaultProxy, pages: Pages
) -> None:
    """First its stream is refused, as there is no such task; when the page looks, there is one."""
    api = server.api
    old = api.create("old", status="running")
    page = pages.open(task_url(api, old, front.url), timings=BRISK, network_trouble=True)
    expect_live(page)
    api.append(old, "old line 1", "old line 2")
    expect_log(page, ["old line 1", "old line 2"])
    wipe(server)
    expect_connection(page, "offline")
    read = f"GET /api/tasks/{old['id']} "
    front.set("502", match=read)
    server.start()
    front.wait_for(read)
    new = api.create("new life", status="running", progress=5)
    assert new["id"] == old["id"]
    api.append(new, "new line 1")
    front.set("pass")
    expect(page.locator("#task-name")).to_have_text("new life")
    expect_log(page, ["new line 1"])
    api.append(new, "new line 2")
    expect_log(page, ["new line 1", "new line 2"])
    expect(page.locator("#task-note")).to_be_hidden()
    expect_live(page)


def test_a_log_that_could_not_be_read_anew_is_read_again(
    server: Server, front: FaultProxy, pages: Pages
) -> None:
    api = server.api
    kept = api.create("kept", status="running")
    api.append(kept, "before the copy")
    server.stop()
    copy = server.db.with_suffix(".copy")
    shutil.copyfile(server.db, copy)
    server.start()
    page = pages.open(task_url(api, kept, front.url), timings=BRISK, network_trouble=True)
    expect_live(page)
    api.append(kept, "after the copy")
    expect_log(page, ["before the copy", "after the copy"])
    wipe(server)
    shutil.copyfile(copy, server.db)
    read = f"GET /api/tasks/{kept['id']}/logs"
    front.set("502", match=read)
    server.start()
    front.wait_for(read)
    front.set("pass")
    expect_log(page, ["before the copy"])
    api.append(kept, "another life")
    expect_log(page, ["before the copy", "another life"])


def test_an_older_copy_of_the_database_is_noticed(server: Server, pages: Pages) -> None:
    """A backup was put back: what came after it must go from the page too."""
    api = server.api
    kept = api.create("before the backup", status="running", progress=10)
    server.stop()
    backup = server.db.with_suffix(".backup")
    shutil.copyfile(server.db, backup)
    server.start()
    page = pages.open(tasks_url(api), timings=BRISK, network_trouble=True)
    expect_live(page)
    api.patch(kept, progress=90)
    lost = api.create("after the backup")
    expect(Row(page, lost).locator).to_be_visible()
    Row(page, kept).bar.expect_value("90")
    server.stop()
    for file in server.db.parent.glob(f"{server.db.name}-*"):
        file.unlink()
    shutil.copyfile(backup, server.db)
    server.start()
    Row(page, kept).bar.expect_value("10")
    expect(page.get_by_text("after the backup")).to_be_hidden()
    api.patch(kept, progress=20)
    Row(page, kept).bar.expect_value("20")


@pytest.mark.parametrize("transport", ["sse", "long-poll"])
def test_events_that_were_trimmed_meanwhile_are_made_up_for(
    make_server: Callable[..., Server], pages: Pages, transport: str
) -> None:
    """Pages that were cut off for longer than events are kept."""
    server = make_server(retention_events=KEPT_EVENTS)
    api = server.api
    followed = api.create("followed", status="running", progress=1)
    gone = api.create("gone", status="running")
    lines = ["line 1"]
    api.append(followed, *lines)
    with FaultProxy.before(server.url) as proxy:
        if transport == "long-poll":
            proxy.set("buffer", match=STREAMS)
        timings = MUTE if transport == "long-poll" else BRISK
        rows, log = open_pages(pages, api, followed, proxy.url, timings)
        for page in (rows, log):
            expect(connection(page)).to_have_attribute("data-transport", transport)
        expect_log(log, lines)
        cursor = api.call("GET", "/events/system")["cursor"]
        proxy.set("502", match="/events/|/api/")
        for page in (rows, log):
            expect_connection(page, "offline")

        api.delete(gone)
        new = api.create("new", status="running", progress=33)
        for number in range(2, KEPT_EVENTS + 22):
            lines.append(f"line {number}")
            api.append(followed, lines[-1])
        api.patch(followed, progress=44)
        while api.call("GET", f"/events/system?after={cursor}&wait=0")["reset"] != "expired":
            api.heartbeats(1)

        if transport == "long-poll":
            proxy.set("buffer", match=STREAMS)
        else:
            proxy.set("pass")
        Row(rows, followed).bar.expect_value("44")
        Row(rows, new).bar.expect_value("33")
        expect(Row(rows, gone).locator).to_have_count(0)
        expect_log(log, lines)
        expect(log.locator("#task .task-progress-bar")).to_have_attribute("aria-valuenow", "44")

        api.patch(followed, progress=55)
        lines.append("after all that")
        api.append(followed, lines[-1])
        Row(rows, followed).bar.expect_value("55")
        expect_log(log, lines)
