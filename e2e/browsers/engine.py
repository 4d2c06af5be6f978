"""What the tests ask of a browser, whichever it is."""

from typing import Any, Protocol

from playwright.sync_api import BrowserContext, Page

LAN_NAME = "livequeue.test"  # the browsers under test find it on this machine, whatever DNS says


class Engine(Protocol):
    """One browser, running; contexts take Playwright's options, also those it emulates itself."""

    name: str

    def new_context(self, **options: Any) -> BrowserContext: ...

    def crash(self, page: Page) -> None:
        """End the process that shows this page."""

    def close(self) -> None: ...
