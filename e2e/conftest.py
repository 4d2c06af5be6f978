"""Fixtures: a server, a browser, pages that are watched, a proxy that misbehaves.

`pytest e2e` starts a server of its own. `pytest e2e --base-url URL [--token TOKEN]` tests the one
that is there: it works in queues with names of its own, removes them afterwards, and leaves out
the tests marked `owned`, which stop, fill or restart their server.
"""

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from e2e.api import Api
from e2e.browsers import ENGINES, Engine, NoBrowserError, running
from e2e.fault_proxy import FaultProxy
from e2e.pages import ARTIFACTS, Pages
from e2e.server import Server

PATIENCE = 10_000.0  # milliseconds an expectation may take: machines of CI are slow and shared
FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=PATIENCE)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("LiveQueue")
    group.addoption("--base-url", help="test the server at this address instead of an own one")
    group.addoption("--token", help="API token for --base-url")
    group.addoption(
        "--browser",
        action="append",
        choices=[*ENGINES, "all"],
        help="run in this browser, or all of them; may be repeated (default: chromium)",
    )
    group.addoption("--headed", action="store_true", help="show the browser's windows")


def pytest_configure() -> None:
    shutil.rmtree(ARTIFACTS, ignore_errors=True)


def browsers(config: pytest.Config) -> list[str]:
    chosen: list[str] = config.getoption("--browser") or ["chromium"]
    return [name for name in ENGINES if name in chosen or "all" in chosen]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "browser_name" in metafunc.fixturenames:
        metafunc.parametrize("browser_name", browsers(metafunc.config))


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
def engines(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Engine]]:
    """The browsers by name, each started when it is first asked for."""
    started: dict[str, Engine] = {}
    with sync_playwright() as playwright, ExitStack() as stack:
        headless = not request.config.getoption("--headed")

        def engine(name: str) -> Engine:
            if name not in started:
                try:
                    started[name] = stack.enter_context(
                        running(playwright, name, headless=headless)
                    )
                except NoBrowserError as error:
                    pytest.exit(str(error), returncode=1)
            return started[name]

        yield engine


@pytest.fixture
def engine(browser_name: str, engines: Callable[[str], Engine]) -> Engine:
    """The browser of this test; a test that uses it runs once in each that was chosen."""
    return engines(browser_name)


@pytest.fixture
def pages(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Pages]:
    token = request.config.getoption("--token")
    options = {"extra_http_headers": {"Authorization": f"Bearer {token}"} if token else {}}
    name = "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in request.node.name)
    opened = Pages(engine, options, name)
    yield opened
    opened.close(failed=request.node.stash.get(FAILED, False))
