"""A task's page in a browser, and when each line appeared in it."""

import json
import time
from typing import Self
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page, Request

from e2e.elements import LOG_TEXTS

# Notes when each line of the log is first in the page, and how the connection goes.
WATCH = """
if (location.host) {
    const shown = globalThis.linesShown = new Map();
    const states = globalThis.statesSeen = [];
    const note = () => {
        for (const line of document.querySelectorAll("#log-lines .log-line")) {
            if (!shown.has(line.dataset.n)) shown.set(line.dataset.n, Date.now());
        }
        const status = document.getElementById("connection-status");
        if (status && status.dataset.state !== states.at(-1)) states.push(status.dataset.state);
    };
    new MutationObserver(note).observe(document, {
        childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"],
    });
}
"""
WAIT_FOR_LINE = """async ({ number, within }) => {
    const limit = performance.now() + within;
    while (!globalThis.linesShown.has(String(number))) {
        if (performance.now() > limit) return null;
        await new Promise((resume) => setTimeout(resume, 10));
    }
    return globalThis.linesShown.get(String(number));
}"""
WAIT_FOR_PROGRESS = """async ({ progress, within }) => {
    const bar = document.querySelector(".task-progress-bar");
    const limit = performance.now() + within;
    while (bar.getAttribute("aria-valuenow") !== String(progress)) {
        if (performance.now() > limit) return null;
        await new Promise((resume) => setTimeout(resume, 5));
    }
    return Date.now();
}"""
STATUS = """() => {
    const { state, transport } = document.getElementById("connection-status").dataset;
    return [state, transport];
}"""
WAIT_FOR_STATUS = """async ({ state, transport, within }) => {
    const { dataset } = document.getElementById("connection-status");
    const limit = performance.now() + within;
    while (dataset.state !== state || dataset.transport !== transport) {
        if (performance.now() > limit) return false;
        await new Promise((resume) => setTimeout(resume, 10));
    }
    return true;
}"""


class Viewer:
    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page
        self.loaded = 0.0
        self.requests: list[str] = []
        context.on("request", self._note)

    @classmethod
    async def create(cls, context: BrowserContext, stored: dict[str, object] | None = None) -> Self:
        """`stored` is what the page finds in its local storage."""
        await context.add_init_script(WATCH)
        for name, value in (stored or {}).items():
            text = json.dumps(json.dumps(value))
            await context.add_init_script(
                f"if (location.host) localStorage.setItem('{name}', {text})"
            )
        return cls(context, await context.new_page())

    async def open(self, url: str) -> None:
        await self.page.goto(url, wait_until="load", timeout=60_000)
        self.loaded = time.time()

    async def status(self) -> tuple[str, str]:
        state, transport = await self.page.evaluate(STATUS)
        return state, transport

    async def reaches(self, transport: str, within: float) -> bool:
        """Whether it comes to be on this rung."""
        state = "live" if transport == "sse" else "polling"
        asked = {"state": state, "transport": transport, "within": 1000 * within}
        reached: bool = await self.page.evaluate(WAIT_FOR_STATUS, asked)
        return reached

    async def shows(self, number: int, within: float) -> float | None:
        """When the line came to be in the page, by the clock that all of us share."""
        asked = {"number": number, "within": 1000 * within}
        at: float | None = await self.page.evaluate(WAIT_FOR_LINE, asked)
        return None if at is None else at / 1000

    async def progresses(self, progress: int, within: float) -> float | None:
        """When the task's bar came to show this."""
        asked = {"progress": progress, "within": 1000 * within}
        at: float | None = await self.page.evaluate(WAIT_FOR_PROGRESS, asked)
        return None if at is None else at / 1000

    async def states(self) -> list[str]:
        """What the connection has been so far, in order."""
        seen: list[str] = await self.page.evaluate("() => globalThis.statesSeen")
        return seen

    async def lines(self) -> list[str]:
        return await self.page.locator(LOG_TEXTS).all_text_contents()

    def strays(self, base: str) -> list[str]:
        """Requests that did not stay below this address."""
        return [url for url in self.requests if not url.startswith(base)]

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("http", "https"):
            self.requests.append(request.url)
