"""Fixtures: a server, a browser, pages that are watched, a proxy that misbehaves.

`pytest e2e` starts a server of its own. `pytest e2e --base-url URL [--token TOKEN]` tests the one
that is there: it works in queues with names of its own, removes them afterwards, and leaves out
the tests marked `owned`, which stop, fill or restart their server.
"""

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from e2e.api import Api
from e2e.browser import NoBrowserError, chromium
from e2e.fault_proxy import FaultProxy
from e2e.guards import Guard
from e2e.server import Server

ARTIFACTS = Path(__file__).parent / "artifacts"
PATIENCE = 10_000.0  # milliseconds an expectation may take: machines of CI are slow and shared
FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("LiveQueue")
    group.addoption("--base-url", help="test the server at this address instead of an own one")
    group.addoption("--token", help="API token for --base-url")


def pytest_configure() -> None:
    shutil.rmtree(ARTIFACTS, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--base-url"):
        reason = "needs a server of its own, and --base-url names another one"
        for item in items:
            if item.get_closest_marker("owned"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def base_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of the server that ordinary tests share."""
    given: str | None = request.config.getoption("--base-url")
    if given:
        yield given.rstrip("/")
        return
    server = Server(tmp_path_factory.mktemp("server"), heartbeat=2)
    server.start()
    yield server.url
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture
def api(request: pytest.FixtureRequest, base_url: str) -> Iterator[Api]:
    """The shared server's API, in a queue of this test's own."""
    with Api(base_url, request.config.getoption("--token")) as shared:
        yield shared
        shared.clean()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of the test's own; use it with the mark `owned`."""
    servers: list[Server] = []

    def make(**settings: str | float) -> Server:
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        server = Server(folder, **{"heartbeat": 2, **settings})
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    """A server of the test's own with a fresh database."""
    return make_server()


@pytest.fixture
def proxy(base_url: str) -> Iterator[FaultProxy]:
    """A proxy in front of the shared server."""
    with FaultProxy.before(base_url) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            with chromium(playwright) as running:
                yield running
        except NoBrowserError as error:
            pytest.exit(str(error), returncode=1)


class Pages:
    """Opens pages, each in a browser context of its own, watched by a guard."""

    def __init__(self, browser: Browser, headers: dict[str, str], name: str) -> None:
        self._browser = browser
        self._headers = headers
        self._name = name
        self._contexts: list[tuple[BrowserContext, Guard]] = []

    def open(
        self,
        url: str,
        *,
        timings: dict[str, Any] | None = None,
        network_trouble: bool = False,
        **options: Any,
    ) -> Page:
        """`timings` shortens the stream's waits; `network_trouble` permits Chromium's own words
        about requests that failed, for tests that make them fail."""
        options = {"locale": "en-US", "extra_http_headers": self._headers, **options}
        context = self._browser.new_context(**options)
        guard = Guard(context, [url])
        guard.network_trouble_is_expected = network_trouble
        self._contexts.append((context, guard))
        context.tracing.start(screenshots=True, snapshots=True)
        if timings is not None:
            text = json.dumps(json.dumps(timings))
            # about:blank, where a page begins, has no storage.
            context.add_init_script(
                f"if (location.host) localStorage.setItem('livequeue.stream', {text})"
            )
        page = context.new_page()
        page.goto(url, wait_until="load")
        return page

    def guard(self, page: Page) -> Guard:
        return next(guard for context, guard in self._contexts if context is page.context)

    def close(self, *, failed: bool) -> None:
        complaint: AssertionError | None = None
        for number, (context, guard) in enumerate(self._contexts):
            try:
                guard.verify()
            except AssertionError as error:
                complaint = error
            if failed or complaint:
                self._keep(context, number)
            context.close()
        if complaint:
            raise complaint

    def _keep(self, context: BrowserContext, number: int) -> None:
        folder = ARTIFACTS / self._name
        folder.mkdir(parents=True, exist_ok=True)
        for tab, page in enumerate(context.pages):
            page.screenshot(path=folder / f"{number}-{tab}.png")
        context.tracing.stop(path=folder / f"{number}-trace.zip")


@pytest.fixture
def pages(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Pages]:
    token = request.config.getoption("--token")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    name = "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in request.node.name)
    opened = Pages(browser, headers, name)
    yield opened
    opened.close(failed=request.node.stash.get(FAILED, False))
