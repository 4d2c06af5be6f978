"""Fixtures: a server, a browser, pages that are watched, a proxy that misbehaves.

`pytest e2e` starts a server of its own. `pytest e2e --base-url URL [--token TOKEN]` tests the one
that is there: it works in queues with names of its own, removes them afterwards, and leaves out
the tests marked `owned`. docs/qa.md tells all of it.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from e2e import interruption, keep, run
from e2e.api import Api, Task
from e2e.browsers import ENGINES, Engine, NoBrowserError, running
from e2e.elements import expect_live, task_url
from e2e.fault_proxy import FaultProxy
from e2e.pages import Pages
from e2e.server import Server

BROWSERS = [*ENGINES, "webkit"]  # the last has tests of its own
PATIENCE = 10_000.0  # milliseconds an expectation may take: machines of CI are slow and shared


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("LiveQueue")
    group.addoption("--base-url", help="test the server at this address instead of an own one")
    group.addoption("--token", help="API token for --base-url")
    group.addoption(
        "--insecure", action="store_true", help="take any certificate, a self-signed one too"
    )
    group.addoption("--proxy", metavar="URL", help="send the browser through this proxy")
    group.addoption(
        "--browser",
        action="append",
        choices=[*BROWSERS, "all"],
        help="run in this browser, or all of them; may be repeated (default: chromium)",
    )
    group.addoption(
        "--artifacts",
        type=Path,
        default=keep.ARTIFACTS,
        metavar="DIR",
        help="put screenshots and traces of tests that fail there (default: e2e/artifacts)",
    )
    group.addoption("--headed", action="store_true", help="show the browser's windows")


def pytest_configure(config: pytest.Config) -> None:
    expect.set_options(timeout=PATIENCE)
    if config.getoption("--token") and not config.getoption("--base-url"):
        raise pytest.UsageError("--token is for a server of yours: give its --base-url")
    if out_of_reach(config) and not config.getoption("--base-url"):
        raise pytest.UsageError(
            "--proxy is on another machine and cannot reach a server of the suite's own on this"
            " one's loopback: give the --base-url of a server that it reaches"
        )
    if leads(config):
        keep.start_anew(config)


def leads(config: pytest.Config) -> bool:
    """False in the processes that `pytest -n` shares the tests among."""
    return not hasattr(config, "workerinput")


def pytest_sessionstart(session: pytest.Session) -> None:
    """What runs left behind that were killed goes before this one begins."""
    if not leads(session.config):
        return
    if session.config.getoption("numprocesses", None):
        need_browsers(session.config)
    if session.config.getoption("--base-url"):
        sweep(session.config, run.is_left_over, "removed what an earlier run had left")


def need_browsers(config: pytest.Config) -> None:
    """Workers would install them twice at once, or have no voice to say that there is none."""
    try:
        for name in chosen(config):
            if name in ENGINES:
                ENGINES[name].find()
    except NoBrowserError as error:
        pytest.exit(str(error), returncode=1)


@pytest.hookimpl(trylast=True)  # when the workers have gone
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Each test has cleaned up, unless it was interrupted while it did so."""
    if leads(session.config) and session.config.getoption("--base-url"):
        sweep(session.config, run.is_ours, "removed what was left")


def pytest_keyboard_interrupt() -> None:
    interruption.note()


def sweep(config: pytest.Config, which: Callable[[str], bool], said: str) -> None:
    try:
        with foreign_api(config) as api:
            queues = api.sweep(which)
    except (AssertionError, httpx.HTTPError) as error:
        raise pytest.UsageError(f"{config.getoption('--base-url')}: {error}") from error
    for queue in queues:
        terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
        terminal.write_line(f"{said}: the tasks of queue {queue}")


def foreign_api(config: pytest.Config) -> Api:
    url: str = config.getoption("--base-url")
    return Api(url, config.getoption("--token"), insecure=config.getoption("--insecure"))


def chosen(config: pytest.Config) -> list[str]:
    names: list[str] = config.getoption("--browser") or ["chromium"]
    return [name for name in BROWSERS if name in names or "all" in names]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that uses `browser_name` runs once in each browser chosen; see `pages`."""
    if "browser_name" in metafunc.fixturenames:
        metafunc.parametrize("browser_name", ENGINES)


def out_of_reach(config: pytest.Config) -> bool:
    """Whether --proxy is on another machine, from where this one's loopback cannot be reached."""
    proxy: str | None = config.getoption("--proxy")
    return bool(proxy) and urlsplit(proxy).hostname not in ("127.0.0.1", "localhost", "::1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if browser_of(item) not in (None, *chosen(config))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    if config.getoption("--base-url"):
        reason = "needs a server of its own, and --base-url names another one"
        for item in items:
            if item.get_closest_marker("owned"):
                item.add_marker(pytest.mark.skip(reason=reason))


def browser_of(item: pytest.Item) -> str | None:
    """The browser that the test is for, if it is for one."""
    if item.get_closest_marker("webkit"):
        return "webkit"
    called = getattr(item, "callspec", None)
    return called.params.get("browser_name") if called else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[keep.FAILED] = True
    return report


@pytest.fixture(scope="session")
def base_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of the server that ordinary tests share."""
    if given := request.config.getoption("--base-url"):
        yield given.rstrip("/")
        return
    server = Server(tmp_path_factory.mktemp("server"), heartbeat=2)
    server.start()
    yield server.url
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture
def api(request: pytest.FixtureRequest, base_url: str) -> Iterator[Api]:
    """The shared server's API, in a queue of this test's own."""
    foreign = request.config.getoption("--base-url")
    with foreign_api(request.config) if foreign else Api(base_url) as shared:
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
def proxy(request: pytest.FixtureRequest, base_url: str) -> Iterator[FaultProxy]:
    """A proxy in front of the shared server."""
    if out_of_reach(request.config):
        pytest.skip("the fault proxy is on this machine's loopback, which --proxy cannot reach")
    insecure = request.config.getoption("--insecure")
    with FaultProxy.before(base_url, insecure=insecure) as running:
        yield running


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Engine]]:
    """The browsers by name, each started when it is first asked for."""
    started: dict[str, Engine] = {}
    with interruption.orderly(), sync_playwright() as playwright, ExitStack() as stack:
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
def task(api: Api) -> Task:
    """A task that is running."""
    return api.create(status="running")


@pytest.fixture
def page(api: Api, pages: Pages, task: Task) -> Page:
    """Its page, live."""
    opened = pages.open(task_url(api, task))
    expect_live(opened)
    return opened


@pytest.fixture
def pages(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Pages]:
    option = request.config.getoption
    options: dict[str, Any] = {"ignore_https_errors": option("--insecure")}
    if token := option("--token"):
        options["extra_http_headers"] = {"Authorization": f"Bearer {token}"}
    if proxy := option("--proxy"):
        options["proxy"] = {"server": proxy}
    opened = Pages(engine, options, keep.folder_of(request.node))
    yield opened
    with interruption.orderly():
        opened.close(failed=keep.has_failed(request.node))
