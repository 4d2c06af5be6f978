"""Firefox as Debian ships it, driven over WebDriver BiDi.

Playwright's other Firefox is a build of its own. BiDi cannot emulate everything yet: what it
leaves out is set by preferences, which hold for a whole browser, so contexts that want something
else than the default get a Firefox of their own.
"""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright

from e2e.browsers import content
from e2e.browsers.engine import LAN_NAME
from e2e.browsers.finding import NoBrowserError, install_from_debian, named_by, of_the_system

SURVIVES = Path(__file__).parent / "firefox-that-survives"
VARIABLE = "LIVEQUEUE_FIREFOX"
NAMES = ("firefox-esr", "firefox")
HELP = f"""\
No Firefox was found to run the browser tests with. Either of these will do:
  - name one:                {VARIABLE}=/path/to/firefox make test
  - Debian's, as root:       apt-get install firefox-esr
Debian's package: {{trouble}}"""
TIRED_AFTER = 40  # contexts: each leaves some 12 MB behind
# Emulation that this protocol lacks, each to be left alone explicitly.
UNSET: dict[str, Any] = dict.fromkeys(
    ("color_scheme", "reduced_motion", "forced_colors", "contrast"), "null"
)

Preferences = dict[str, str | float | bool]
ALWAYS: Preferences = {
    # A proxy in between is a proxy for loopback too.
    "network.proxy.allow_hijacking_localhost": True,
    "network.dns.localDomains": LAN_NAME,
    # The clipboard is read without a click on "Paste", which no test can make.
    "dom.events.testing.asyncClipboard": True,
}
# Context option and value: the preferences that do the same.
EMULATED: dict[tuple[str, object], Preferences] = {
    ("color_scheme", "dark"): {"ui.systemUsesDarkTheme": 1},
    ("color_scheme", "light"): {"ui.systemUsesDarkTheme": 0},
    ("reduced_motion", "reduce"): {"ui.prefersReducedMotion": 1},
    ("reduced_motion", "no-preference"): {"ui.prefersReducedMotion": 0},
    ("has_touch", True): {
        "dom.w3c_touch_events.enabled": 1,
        "ui.primaryPointerCapabilities": 1,  # coarse, and cannot hover
        "ui.allPointerCapabilities": 1,
    },
}


def find() -> str:
    if program := named_by(VARIABLE) or of_the_system(NAMES):
        return program
    trouble = install_from_debian("firefox-esr")
    if program := of_the_system(NAMES):
        return program
    raise NoBrowserError(HELP.format(trouble=trouble or "installed, but it does not start"))


class Firefox:
    """As many Firefoxes as there are kinds of contexts, each started when first wanted."""

    name = "firefox"
    find = staticmethod(find)

    def __init__(self, playwright: Playwright, *, headless: bool = True) -> None:
        self._playwright = playwright
        self._headless = headless
        self._program = find()
        self._browsers: dict[str, Browser] = {}
        self._used: dict[str, int] = {}

    def new_context(self, **options: Any) -> BrowserContext:
        options = {**options}
        # A phone's narrow window is real; what else is_mobile means, desktop Firefox has not.
        options.pop("is_mobile", None)
        # Asking is not in this protocol; the clipboard is granted to all by ALWAYS.
        options.pop("permissions", None)
        preferences = {**ALWAYS}
        for name in ("color_scheme", "reduced_motion", "has_touch"):
            if (value := options.pop(name, None)) is not None:
                preferences |= EMULATED[name, value]
        return self._browser(preferences).new_context(**UNSET, **options)

    def crash(self, page: Page) -> None:
        content.kill(page)

    def close(self) -> None:
        for browser in self._browsers.values():
            browser.close()

    def _browser(self, preferences: Preferences) -> Browser:
        key = repr(sorted(preferences.items()))
        running = self._browsers.get(key)
        if running is not None and self._used[key] >= TIRED_AFTER and not running.contexts:
            running.close()
            running = None
        if running is None:
            self._browsers[key] = running = self._launch(preferences)
            self._used[key] = 0
        self._used[key] += 1
        return running

    def _launch(self, preferences: Preferences) -> Browser:
        try:
            return self._playwright.firefox.launch(
                channel="moz-firefox",
                executable_path=SURVIVES,
                env={**os.environ, "LIVEQUEUE_FIREFOX_PROGRAM": self._program},
                headless=self._headless,
                firefox_user_prefs=preferences,
            )
        except Error as error:
            raise NoBrowserError(f"{self._program}: {error}") from error
