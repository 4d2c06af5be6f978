"""Browsers over HTTPS, straight to the server: HTTP/2, which has no limit of six connections."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.boxes import Certificate
from e2e.elements import Row, expect_connection, expect_live, expect_log, task_url, tasks_url
from e2e.pages import Pages
from e2e.server import Server

STREAMS = 90  # of the hundred a connection may have
TABS = 10

pytestmark = pytest.mark.owned


@pytest.fixture
def server(make_server: Callable[..., Server], tmp_path: Path) -> Server:
    files = Certificate.make(tmp_path)
    return make_server(certfile=str(files.cert), keyfile=str(files.key))


@pytest.fixture
def api(server: Server) -> Iterator[Api]:
    with Api(server.url, insecure=True) as api:
        yield api


def open_page(pages: Pages, url: str) -> Page:
    page = pages.open(url, ignore_https_errors=True, network_trouble=True)
    expect_live(page)
    return page


def test_pages_are_live_over_http2(api: Api, pages: Pages) -> None:
    task = api.create("over TLS", status="running", total=10)
    page = open_page(pages, tasks_url(api))
    protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
    assert page.evaluate(protocol) == "h2"
    api.patch(task, current=5)
    Row(page, task).bar.expect_value("50")
    page.goto(task_url(api, task))
    expect_live(page)
    api.append(task, *(f"line {n}" for n in range(50)))
    expect_log(page, [f"line {n}" for n in range(50)])


def test_many_streams_and_tabs(api: Api, pages: Pages) -> None:
    first = open_page(pages, tasks_url(api))
    first.evaluate(
        """async (count) => {
            const root = document.documentElement.dataset.root;
            window.heard = 0;
            const opened = Array.from({ length: count }, () => new Promise((resolve) => {
                const source = new EventSource(`${root}events/system`);
                source.addEventListener("HELLO", resolve);
                source.addEventListener("TASK_CREATED", () => (window.heard += 1));
            }));
            await Promise.all(opened);
        }""",
        STREAMS,
    )
    tabs = [first]
    for _ in range(TABS - 1):
        tabs.append(first.context.new_page())
        tabs[-1].goto(tasks_url(api))
    for tab in tabs:
        expect_live(tab)
    task = api.create(status="running")
    for tab in tabs:
        expect(Row(tab, task).badge).to_have_attribute("data-status", "running")
    first.evaluate(
        """async (count) => {
            while (window.heard < count) await new Promise((resume) => setTimeout(resume, 20));
        }""",
        STREAMS,
    )


def test_a_restart_loses_nothing(server: Server, api: Api, pages: Pages) -> None:
    """The streams' end and the connection's farewell are taken as such."""
    task = api.create(status="running", total=10)
    page = open_page(pages, tasks_url(api))
    row = Row(page, task)
    server.stop()
    expect_connection(page, "offline")
    server.start()
    with Api(server.url, insecure=True) as again:
        again.patch(task, current=7)
        row.bar.expect_value("70")
        expect_live(page)
        again.patch(task, status="completed")
    expect(row.badge).to_have_attribute("data-status", "completed")
