"""A browser for many rows at once: the engines of e2e.browsers through Playwright's async side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, async_playwright

from e2e.browsers import chromium, firefox

NAMES = ("chromium", "firefox")


class AsyncEngine:
    def __init__(self, name: str, browser: Browser) -> None:
        self.name = name
        self._browser = browser

    async def new_context(self, proxy: str | None) -> BrowserContext:
        options: dict[str, Any] = {"locale": "en-US", "ignore_https_errors": True}
        if proxy:
            options["proxy"] = {"server": proxy}
            if self.name == "chromium":  # it would leave proxies out for loopback
                options["proxy"]["bypass"] = "<-loopback>"
        if self.name == "firefox":
            options |= firefox.UNSET
        return await self._browser.new_context(**options)


@asynccontextmanager
async def launched(name: str) -> AsyncIterator[AsyncEngine]:
    async with async_playwright() as playwright:
        if name == "firefox":
            browser = await playwright.firefox.launch(
                channel="moz-firefox",
                executable_path=firefox.find(),
                firefox_user_prefs=firefox.ALWAYS,
            )
        else:
            # ignore_https_errors is for pages; the worker that holds the stream is none.
            flags = [*chromium.FLAGS, "--ignore-certificate-errors"]
            browser = await playwright.chromium.launch(executable_path=chromium.find(), args=flags)
        try:
            yield AsyncEngine(name, browser)
        finally:
            await browser.close()
