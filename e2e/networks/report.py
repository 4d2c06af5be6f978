"""The table of docs/networks.md."""

import re
from collections.abc import Sequence
from pathlib import Path

from e2e.networks.rows import ROWS, Row
from e2e.networks.scenario import Outcome

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "networks.md"
BEGIN, END = "<!-- table: python -m e2e.networks --write -->", "<!-- end of the table -->"
HEAD = """\
| through | {browsers} | first update | later | after a pause | box cut | server restarted |
| --- | {lines} | --- | --- | --- | --- | --- |
"""


def seconds(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return " · ".join(f"{value:.2f}" for value in known) or "-"


def line(row: Row, outcomes: Sequence[Outcome], browsers: Sequence[str]) -> str:
    by_browser = {outcome.browser: outcome for outcome in outcomes}
    found = [by_browser[name] for name in browsers if name in by_browser]
    rungs = [
        f"{by_browser[name].rung}{'' if by_browser[name].good else ' (!)'}"
        if name in by_browser
        else "-"
        for name in browsers
    ]
    idle = seconds([outcome.idle for outcome in found])
    cells = [
        row.title,
        *rungs,
        seconds([outcome.first for outcome in found]),
        seconds([outcome.later for outcome in found]),
        f"{idle} ({row.pause} s)",
        seconds([outcome.cut for outcome in found]),
        seconds([outcome.restart for outcome in found]) + (" (*)" if row.repeats_errors else ""),
    ]
    return f"| {' | '.join(cells)} |\n"


def table(outcomes: Sequence[Outcome]) -> str:
    browsers = list(dict.fromkeys(outcome.browser for outcome in outcomes))
    head = HEAD.format(
        browsers=" | ".join(name.capitalize() for name in browsers),
        lines=" | ".join("---" for _ in browsers),
    )
    rows = [
        line(row, [outcome for outcome in outcomes if outcome.row.name == row.name], browsers)
        for row in ROWS.values()
        if any(outcome.row.name == row.name for outcome in outcomes)
    ]
    return head + "".join(rows)


def write(outcomes: Sequence[Outcome]) -> None:
    """Put the table in the place of the one in the document."""
    text = DOCUMENT.read_text()
    pattern = re.compile(f"({re.escape(BEGIN)}\n).*?({re.escape(END)})", re.DOTALL)
    made, count = pattern.subn(lambda found: f"{found[1]}\n{table(outcomes)}\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"{DOCUMENT.name} has no place for the table: {BEGIN} ... {END}")
    DOCUMENT.write_text(made)
