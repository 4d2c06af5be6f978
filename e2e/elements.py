"""The page contract as tests use it: rows and their parts, connection status, toasts."""

import re
import time
from contextlib import suppress
from typing import Any

from playwright.sync_api import Error, Locator, Page, expect

from e2e.api import Api, Task


def tasks_url(api: Api, url: str | None = None, **query: str) -> str:
    """The tasks page with this test's own queue only."""
    words = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{url or api.url}/tasks?queue={api.queue}{words}"


def task_url(api: Api, task: Task, url: str | None = None) -> str:
    return f"{url or api.url}/tasks/{task['id']}"


class Row:
    """One task in the table."""

    def __init__(self, page: Page, task: Task) -> None:
        self.locator = page.locator(f'tr[data-task-id="{task["id"]}"]')
        self.badge = self.locator.locator(".task-status-badge")
        self.bar = Bar(self.locator)
        self.retries = self.locator.locator(".task-retry-count")
        self.time = self.locator.locator(".task-time")


class Bar:
    """A task's progress bar: the progressbar and, inside, the part that is filled."""

    def __init__(self, inside: Locator) -> None:
        self.locator = inside.locator(".task-progress-bar").first
        self.filled = self.locator.locator(".progress-bar")

    def expect_value(self, value: str) -> None:
        expect(self.locator).to_have_attribute("aria-valuenow", value)

    def expect_colour(self, name: str) -> None:
        expect(self.filled).to_contain_class(f"bg-{name}")

    def expect_indeterminate(self) -> None:
        expect(self.locator).not_to_have_attribute("aria-valuenow", re.compile(""))


def connection(page: Page) -> Locator:
    return page.locator("#connection-status")


def expect_connection(
    page: Page, state: str, transport: str | None = None, *, within: float | None = None
) -> None:
    status = connection(page)
    expect(status).to_have_attribute("data-state", state, timeout=within)
    if transport is not None:
        expect(status).to_have_attribute("data-transport", transport, timeout=within)


def expect_live(page: Page, *, within: float | None = None) -> None:
    expect_connection(page, "live", "sse", within=within)


def toasts(page: Page) -> Locator:
    return page.locator(".toast")


def evaluate_all(locator: Locator, expression: str) -> list[Any]:
    found: list[Any] = locator.evaluate_all(f"elements => elements.map(e => {expression})")
    return found


def search_field(page: Page) -> Locator:
    """Where one searches a log, or all of them."""
    return page.locator("#log-search")


def search_status(page: Page) -> Locator:
    return page.locator("#log-search-status")


LOG_TEXTS = "#log-lines .log-line .log-text"


def log_texts(page: Page) -> list[str]:
    """The lines in the page's log, as they stand."""
    return page.locator(LOG_TEXTS).all_text_contents()


def expect_log(page: Page, texts: list[str], *, within: float = 20_000) -> None:
    """Exactly these lines, in this order, each once."""
    expect(page.locator(LOG_TEXTS)).to_have_text(texts, timeout=within)
    assert log_texts(page) == texts
    numbers = evaluate_all(page.locator("#log-lines .log-line"), "Number(e.dataset.n)")
    assert numbers == list(range(1, len(texts) + 1))


def go_back(page: Page, url: str) -> None:
    """One step back in history, to this address.

    Playwright's own waits for the load of a page that Firefox never loads, since it has kept it.
    """
    page.evaluate("history.back()")
    limit = time.monotonic() + 10
    while True:
        with suppress(Error):  # asked while the one page gives way to the other
            if page.evaluate("location.href") == url:
                return
        assert time.monotonic() < limit, f"still at {page.url}"


def wait_until(page: Page, check: str, arg: object = None, *, within: float = 10_000) -> None:
    """Wait until the JavaScript function says yes, asking once a frame.

    Page.wait_for_function does not do: it needs eval, which our pages forbid.
    """
    page.evaluate(
        f"""async ({{ arg, within }}) => {{
            const check = {check};
            const limit = performance.now() + within;
            while (!await check(arg)) {{
                if (performance.now() > limit) throw new Error("it never came true");
                await new Promise((resume) => setTimeout(resume, 16));
            }}
        }}""",
        {"arg": arg, "within": within},
    )
