"""The browsers that tests run in, and one way to start each.

with sync_playwright() as playwright, running(playwright, "firefox") as engine:
    page = engine.new_context(proxy={"server": "http://127.0.0.1:3128"}).new_page()
"""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Playwright

from e2e.browsers.chromium import Chromium
from e2e.browsers.engine import LAN_NAME, Engine
from e2e.browsers.finding import NoBrowserError
from e2e.browsers.firefox import Firefox

__all__ = ["ENGINES", "LAN_NAME", "Engine", "NoBrowserError", "running"]

ENGINES: dict[str, type[Chromium] | type[Firefox]] = {"chromium": Chromium, "firefox": Firefox}


@contextmanager
def running(playwright: Playwright, name: str, *, headless: bool = True) -> Iterator[Engine]:
    engine = ENGINES[name](playwright, headless=headless)
    try:
        yield engine
    finally:
        engine.close()
