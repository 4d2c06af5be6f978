"""Pages as tests open them: each in a browser context of its own, watched, and kept when it fails.

What is kept: a screenshot of every tab, and a trace for `python -m playwright show-trace`.
"""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

from e2e.browsers import Engine
from e2e.guards import Guard


class Pages:
    def __init__(self, engine: Engine, options: dict[str, Any], folder: Path) -> None:
        """`options` are those of every context; the folder takes what is kept."""
        self._engine = engine
        self._options = {"locale": "en-US", **options}
        self._folder = folder
        self._contexts: list[tuple[BrowserContext, Guard]] = []

    def open(
        self,
        url: str,
        *,
        timings: dict[str, Any] | None = None,
        network_trouble: bool = False,
        **options: Any,
    ) -> Page:
        """`timings` shortens the stream's waits; `network_trouble` permits the browser's own words
        about requests that failed, for tests that make them fail."""
        context = self._engine.new_context(**{**self._options, **options})
        guard = Guard(context, [url])
        guard.network_trouble_is_expected = network_trouble
        guard.scripts_are_off = options.get("java_script_enabled") is False
        self._contexts.append((context, guard))
        # No moving pictures: they take half as much of the machine again.
        context.tracing.start(snapshots=True)
        if timings is not None:
            text = json.dumps(json.dumps(timings))
            # about:blank, where a page begins, has no storage.
            context.add_init_script(
                f"if (location.host) localStorage.setItem('livequeue.stream', {text})"
            )
        page = context.new_page()
        page.goto(url, wait_until="load")
        return page

    def guard(self, page: Page) -> Guard:
        return next(guard for context, guard in self._contexts if context is page.context)

    def close(self, *, failed: bool) -> None:
        complaint: AssertionError | None = None
        for number, (context, guard) in enumerate(self._contexts):
            try:
                guard.verify()
            except AssertionError as error:
                complaint = error
            if failed or complaint:
                self._keep(context, number)
            context.close()
        if complaint:
            raise complaint

    def _keep(self, context: BrowserContext, number: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for tab, page in enumerate(context.pages):
            page.screenshot(path=self._folder / f"{number}-{tab}.png")
        context.tracing.stop(path=self._folder / f"{number}-trace.zip")
