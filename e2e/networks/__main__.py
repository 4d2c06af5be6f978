"""Measure rows, print their table or write it into docs/networks.md."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from e2e.networks import report
from e2e.networks.browser import NAMES
from e2e.networks.lane import measure
from e2e.networks.rows import ROWS
from e2e.networks.scenario import Outcome


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.networks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all, or: {', '.join(ROWS)}")
    parser.add_argument("--browser", action="append", choices=NAMES, help="default: all of them")
    parser.add_argument("--write", action="store_true", help="write it into docs/networks.md")
    parser.add_argument("--keep", type=Path, help="an empty folder for logs and configurations")
    given = parser.parse_args()
    if unknown := [name for name in given.rows if name not in ROWS]:
        parser.error(f"no such row: {', '.join(unknown)}")
    if given.write and given.rows:
        parser.error("--write wants all rows")
    rows = [ROWS[name] for name in given.rows or ROWS]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcomes: list[Outcome] = []
        for browser in given.browser or NAMES:
            outcomes += asyncio.run(measure(rows, browser, folder))
            if given.write:  # now: the next browser takes minutes too
                report.write(outcomes)
    if not given.write:
        print(report.table(outcomes), end="")
    if bad := [outcome for outcome in outcomes if not outcome.good]:
        said = (f"{o.row.name} ({o.browser}): {'; '.join(o.troubles)}" for o in bad)
        raise SystemExit("\n".join(said))


if __name__ == "__main__":
    main()
