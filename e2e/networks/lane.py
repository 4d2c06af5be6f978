"""All rows side by side."""

import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from e2e.boxes import Certificate
from e2e.networks.browser import AsyncEngine, launched
from e2e.networks.rows import Row
from e2e.networks.scenario import Outcome, Scenario

AT_WORK = 4  # rows that start, write or look at once; the others wait


async def measure(rows: Iterable[Row], browser: str, folder: Path) -> list[Outcome]:
    certificate = Certificate.make(folder)
    quiet, slots = asyncio.Lock(), asyncio.Semaphore(AT_WORK)
    started = time.monotonic()

    async def one(row: Row, engine: AsyncEngine) -> Outcome:
        if not row.box.installed():
            missing = f"{row.box.program} is not installed: it comes with {row.box.package}"
            return Outcome(row, browser, troubles=[missing])
        scenario = Scenario(row, engine, folder / browser / row.name, certificate)
        try:
            await scenario.run(quiet, slots)
        except Exception as error:
            scenario.outcome.troubles.append(f"{type(error).__name__}: {error}")
        outcome = scenario.outcome
        word = "good" if outcome.good else "; ".join(outcome.troubles)
        print(
            f"{time.monotonic() - started:4.0f} s  {row.name} {outcome.rung}: {word}",
            file=sys.stderr,
            flush=True,
        )
        return outcome

    # Those that wait longest begin first.
    order = sorted(rows, key=lambda row: -row.pause)
    async with launched(browser) as engine:
        return list(await asyncio.gather(*(one(row, engine) for row in order)))
