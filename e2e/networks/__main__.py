"""Measure rows, print their table or write it into docs/networks.md."""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from e2e.networks import report
from e2e.networks.browser import NAMES
from e2e.networks.lane import measure
from e2e.networks.rows import PATIENT, ROWS, Row
from e2e.networks.scenario import Outcome

LOADS = 5  # of each page, for the time to its first update


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.networks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all, or: {', '.join(ROWS)}")
    parser.add_argument("--browser", action="append", choices=NAMES, help="default: all of them")
    parser.add_argument("--write", action="store_true", help="write it into docs/networks.md")
    parser.add_argument(
        "--full-idle",
        action="store_true",
        help="silence longer than a box's own time-out, also where that is minutes or an hour",
    )
    parser.add_argument("--keep", type=Path, help="an empty folder for logs and configurations")
    given = parser.parse_args()
    if unknown := [name for name in given.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}")
    if given.write and given.rows:
        parser.error("--write wants all rows")
    usual = [row.name for row in PATIENT] if given.full_idle else list(ROWS)
    rows = [ROWS[name] for name in given.rows or usual]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        browsers = given.browser or NAMES
        for browser in browsers:
            (folder / browser).mkdir(parents=True, exist_ok=True)
        outcomes = asyncio.run(
            silent(rows, browsers, folder)
            if given.full_idle
            else timed(rows, browsers, folder, write=given.write)
        )
    if given.write:
        report.write(outcomes, full=given.full_idle)
    else:
        print(report.table(outcomes, full=given.full_idle), end="")
    if bad := [outcome for outcome in outcomes if not outcome.good]:
        said = (f"{o.row.name} ({o.browser}): {'; '.join(o.troubles)}" for o in bad)
        raise SystemExit("\n".join(said))


async def timed(
    rows: Sequence[Row], browsers: Sequence[str], folder: Path, *, write: bool
) -> list[Outcome]:
    """One browser after the other: they would spoil each other's times."""
    outcomes: list[Outcome] = []
    for browser in browsers:
        outcomes += await measure(rows, browser, folder / browser, loads=LOADS)
        if write:  # now: the next browser takes minutes too
            report.write(outcomes, full=False)
    return outcomes


async def silent(rows: Sequence[Row], browsers: Sequence[str], folder: Path) -> list[Outcome]:
    """All at once: they do little but wait."""
    runs = (measure(rows, browser, folder / browser, full=True) for browser in browsers)
    return [outcome for found in await asyncio.gather(*runs) for outcome in found]


if __name__ == "__main__":
    main()
