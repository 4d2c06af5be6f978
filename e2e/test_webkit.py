"""A smoke test on WebKitGTK: live, degraded behind a box that buffers, and quiet in the console."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver import Remote
from selenium.webdriver.support.wait import WebDriverWait

from e2e import keep
from e2e.api import Api, Task
from e2e.browsers.finding import NoBrowserError
from e2e.browsers.webkit import webkit
from e2e.elements import LOG_TEXTS, task_url, tasks_url
from e2e.fault_proxy import FaultProxy

pytestmark = pytest.mark.webkit

PATIENCE = 15.0
STEADY = {"hello": 700, "wait": 3000, "backoff": 100, "probes": [60_000]}

# Its driver tells nobody what is written to the console: from here on the page keeps it.
LISTEN = """
window.complaints = [];
const keep = (text) => window.complaints.push(String(text));
for (const level of ["error", "warn"]) console[level] = (...words) => keep(words.join(" "));
addEventListener("error", (event) => keep(event.message));
addEventListener("unhandledrejection", (event) => keep(event.reason));
"""
# Requests that failed, and those to another host.
BAD_REQUESTS = """
return performance.getEntriesByType("resource")
    .filter((entry) => entry.responseStatus >= 400 || new URL(entry.name).host !== location.host)
    .map((entry) => entry.responseStatus + " " + entry.name);
"""


@pytest.fixture(scope="session")
def running_webkit(request: pytest.FixtureRequest) -> Iterator[Remote]:
    option = request.config.getoption
    try:
        with webkit(insecure=option("--insecure"), proxy=option("--proxy")) as browser:
            yield browser
    except NoBrowserError as error:
        pytest.skip(str(error))


class Tab:
    """The page that is open in it, asked by script, as WebDriver has it."""

    def __init__(self, browser: Remote) -> None:
        self._browser = browser

    def open(self, url: str, timings: dict[str, Any] | None = None) -> None:
        """Storage belongs to an origin, so a first page of it is needed to set the timings."""
        self._browser.get(url)
        self.ask("localStorage.clear()")
        if timings:
            self.ask("localStorage.setItem('livequeue.stream', arguments[0])", json.dumps(timings))
            self._browser.get(url)
        self.ask(LISTEN)

    def ask(self, script: str, *arguments: object) -> Any:
        return self._browser.execute_script(script, *arguments)

    def expect(self, value: object, script: str, *arguments: object) -> None:
        """Wait until the script gives this value."""
        seen: object = None

        def same(_: object) -> bool:
            nonlocal seen
            seen = self.ask(script, *arguments)
            return seen == value

        try:
            WebDriverWait(self._browser, PATIENCE, poll_frequency=0.05).until(same)
        except TimeoutException:
            pytest.fail(f"expected {value!r}, but saw {seen!r} of: {script}")

    def expect_connection(self, state: str, transport: str) -> None:
        script = "const s = document.querySelector('#connection-status').dataset;"
        self.expect(f"{state} {transport}", f"{script} return s.state + ' ' + s.transport")

    def expect_row(self, task: Task, badge: str, value: str | None) -> None:
        script = """
            const row = document.querySelector(`tr[data-task-id="${arguments[0]}"]`);
            return row && [
                row.querySelector(".task-status-badge").textContent.trim(),
                row.querySelector(".task-progress-bar").getAttribute("aria-valuenow"),
            ];"""
        self.expect([badge, value], script, task["id"])

    def expect_log(self, *texts: str) -> None:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        self.expect(list(texts), script, LOG_TEXTS)

    def verify(self) -> None:
        assert self.ask("return window.complaints") == []
        assert self.ask(BAD_REQUESTS) == []


@pytest.fixture
def tab(request: pytest.FixtureRequest, running_webkit: Remote) -> Iterator[Tab]:
    if request.config.getoption("--token"):
        pytest.skip("WebKitGTK's driver cannot send a token along")
    yield Tab(running_webkit)
    if keep.has_failed(request.node):
        folder = keep.folder_of(request.node)
        folder.mkdir(parents=True, exist_ok=True)
        running_webkit.save_screenshot(str(folder / "0-0.png"))
    running_webkit.get("about:blank")  # its streams end


@pytest.fixture
def task(api: Api) -> Task:
    return api.create("on a third browser", status="running", progress=1)


def test_the_list_is_live(api: Api, tab: Tab, task: Task) -> None:
    tab.open(tasks_url(api))
    tab.expect_connection("live", "sse")
    tab.expect_row(task, "running", "1")
    api.patch(task, progress=60)
    tab.expect_row(task, "running", "60")
    api.patch(task, status="completed")
    tab.expect_row(task, "completed", "100")
    later = api.create("appears by itself")
    tab.expect_row(later, "pending", None)
    tab.verify()


def test_a_log_grows_as_it_is_written(api: Api, tab: Tab, task: Task) -> None:
    api.append(task, "one", "two")
    tab.open(task_url(api, task))
    tab.expect_connection("live", "sse")
    tab.expect_log("one", "two")
    api.append(task, "\x1b[31mthree\x1b[0m", "四")
    tab.expect_log("one", "two", "three", "四")
    tab.verify()


@pytest.mark.parametrize("hold_headers", [False, True], ids=["body held", "headers held too"])
def test_a_mute_stream_gives_way_to_long_polls(
    api: Api, tab: Tab, proxy: FaultProxy, task: Task, hold_headers: bool
) -> None:
    proxy.set("buffer", hold_headers=hold_headers)
    tab.open(tasks_url(api, proxy.url), STEADY)
    tab.expect_connection("polling", "long-poll")
    for value in ("10", "20", "30"):
        api.patch(task, progress=int(value))
        tab.expect_row(task, "running", value)
    tab.verify()


def test_it_comes_back_after_an_outage(api: Api, tab: Tab, proxy: FaultProxy, task: Task) -> None:
    tab.open(tasks_url(api, proxy.url), {**STEADY, "shortBackoff": 300, "probes": [500]})
    tab.expect_connection("live", "sse")
    proxy.set("502", match="/events/|/api/")
    tab.expect("offline", "return document.querySelector('#connection-status').dataset.state")
    api.patch(task, progress=40)
    proxy.set("pass")
    tab.expect_row(task, "running", "40")
    tab.expect_connection("live", "sse")
