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
from e2e.networks.turns import Turns


async def measure(
    rows: Iterable[Row], browser: str, folder: Path, *, loads: int = 1, full: bool = False
) -> list[Outcome]:
    """`loads`: of the page for the time to its first update, with nothing else at work if there are
    several; `full`: silence is longer than each box bears, however long that is."""
    certificate = Certificate.make(folder)
    turns = Turns()
    started = time.monotonic()

    async def one(row: Row, engine: AsyncEngine) -> Outcome:
        if not row.box.installed():
            missing = f"{row.box.program} is not installed: it comes with {row.box.package}"
            return Outcome(row, browser, troubles=[missing])
        scenario = Scenario(
            row,
            engine,
            folder / row.name,
            certificate,
            pause=row.full_pause if full else row.pause,
            loads=loads,
        )
        try:
            await scenario.run(turns)
        except Exception as error:
            scenario.outcome.troubles.append(f"{type(error).__name__}: {error}")
        outcome = scenario.outcome
        word = "good" if outcome.good else "; ".join(outcome.troubles)
        print(
            f"{time.monotonic() - started:4.0f} s  {browser}  {row.name} {outcome.rung}: {word}",
            file=sys.stderr,
            flush=True,
        )
        return outcome

    # Those that wait longest begin first.
    order = sorted(rows, key=lambda row: -(row.full_pause if full else row.pause))
    async with launched(browser) as engine:
        return list(await asyncio.gather(*(one(row, engine) for row in order)))
