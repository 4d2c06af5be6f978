"""Chromium, driven over its own protocol.

In this order: $LIVEQUEUE_CHROMIUM, one that the system has, Debian's package (installed when we are
root), Playwright's own download.
"""

import subprocess
import sys
from contextlib import suppress
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page, Playwright

from e2e.browsers.engine import LAN_NAME
from e2e.browsers.finding import (
    NoBrowserError,
    install_from_debian,
    last_line,
    named_by,
    of_the_system,
)

VARIABLE = "LIVEQUEUE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB, and a tab that fills it crashes
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {LAN_NAME} 127.0.0.1",
)
HELP = f"""\
No Chromium was found to run the browser tests with. Any one of these will do:
  - name one:                {VARIABLE}=/path/to/chromium make test
  - Debian's, as root:       apt-get install chromium
  - Playwright's own:        {{python}} -m playwright install --with-deps chromium
What was tried:
{{tried}}"""


def install_from_playwright() -> str:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return "it took longer than ten minutes"
    return "" if done.returncode == 0 else last_line(done.stderr or done.stdout)


def find() -> str | None:
    """The program to start, or None for the one Playwright brought itself."""
    if program := named_by(VARIABLE) or of_the_system(NAMES):
        return program
    tried = [f"the system's: none of {', '.join(NAMES)} is there and starts"]
    trouble = install_from_debian("chromium")
    if program := of_the_system(NAMES):
        return program
    tried.append(f"Debian's package: {trouble or 'installed, but it does not start'}")
    if not (trouble := install_from_playwright()):
        return None
    tried.append(f"Playwright's download: {trouble}")
    rows = "\n".join(f"  - {row}" for row in tried)
    raise NoBrowserError(HELP.format(python=sys.executable, tried=rows))


class Chromium:
    """Its flags keep it off every network but the page's own."""

    name = "chromium"
    find = staticmethod(find)

    def __init__(self, playwright: Playwright, *, headless: bool = True) -> None:
        program = find()
        try:
            self._browser = playwright.chromium.launch(
                executable_path=program, args=list(FLAGS), headless=headless
            )
        except Error as error:
            raise NoBrowserError(f"{program or 'The Chromium of Playwright'}: {error}") from error

    def new_context(self, **options: Any) -> BrowserContext:
        return self._browser.new_context(**options)

    def crash(self, page: Page) -> None:
        with suppress(Error):
            page.goto("chrome://crash")

    def close(self) -> None:
        self._browser.close()
