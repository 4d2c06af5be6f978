"""What no page may ever do: complain in the console, or talk to another host."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# What browsers themselves write when a request fails; the page can neither cause nor keep it away.
NETWORK_TROUBLE = re.compile(
    r"^(Failed to load resource: |EventSource's response has a )|net::ERR_"
    # Firefox's, which Playwright takes for errors of the page:
    r"|^uncaught: (Firefox can’t establish a connection to the server at "
    r"|The connection to \S+ was interrupted while the page was loading)"
)
# Chromium's, about what only scripts would use.
UNUSED = re.compile(r"was preloaded using link preload but not used")


class Guard:
    """Watches one browser context; `verify` fails the test for what was seen."""

    def __init__(self, context: BrowserContext, homes: Iterable[str]) -> None:
        self.network_trouble_is_expected = False
        self.scripts_are_off = False
        self.requests: list[str] = []
        self._homes = {urlsplit(home).netloc for home in homes}
        self._complaints: list[str] = []
        self._foreign: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)

    def allow(self, home: str) -> None:
        self._homes.add(urlsplit(home).netloc)

    def verify(self) -> None:
        complaints = [
            text
            for text in self._complaints
            if not (self.network_trouble_is_expected and NETWORK_TROUBLE.search(text))
            and not (self.scripts_are_off and UNUSED.search(text))
        ]
        assert not complaints, "the console has errors or warnings:\n" + "\n".join(complaints)
        assert not self._foreign, "foreign requests:\n" + "\n".join(self._foreign)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            place = message.location
            self._complaints.append(f"{message.text} ({place['url']}:{place['lineNumber']})")

    def _on_error(self, error: WebError) -> None:
        self._complaints.append(f"uncaught: {error.error}")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("data", "blob", "about"):
            return
        self.requests.append(f"{request.method} {request.url}")
        if url.netloc not in self._homes:
            self._foreign.append(request.url)
