"""The tables of docs/networks.md."""

import re
from collections.abc import Sequence
from pathlib import Path

from e2e.networks.rows import ROWS, Row
from e2e.networks.scenario import Outcome

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "networks.md"
BEGIN, END = "<!-- table: python -m e2e.networks {} -->", "<!-- end of the table -->"
ALL, FULL = "--write", "--full-idle --write"  # what writes each table
HEAD = """\
| through | {browsers} | first update | later | after a pause | box cut | server restarted |
| --- | {lines} | --- | --- | --- | --- | --- |
"""
SILENCE_HEAD = """\
| through | silence | {browsers} | first line after it |
| --- | --- | {lines} | --- |
"""


def seconds(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return " · ".join(f"{value:.2f}" for value in known) or "-"


def rungs(outcomes: Sequence[Outcome], browsers: Sequence[str]) -> list[str]:
    by_browser = {outcome.browser: outcome for outcome in outcomes}
    return [
        f"{by_browser[name].rung}{'' if by_browser[name].good else ' (!)'}"
        if name in by_browser
        else "-"
        for name in browsers
    ]


def line(row: Row, outcomes: Sequence[Outcome], browsers: Sequence[str]) -> list[str]:
    found = sorted(outcomes, key=lambda outcome: browsers.index(outcome.browser))
    return [
        row.title,
        *rungs(found, browsers),
        seconds([outcome.first for outcome in found]),
        seconds([outcome.later for outcome in found]),
        f"{seconds([outcome.idle for outcome in found])} ({found[0].pause} s)",
        seconds([outcome.cut for outcome in found]),
        seconds([outcome.restart for outcome in found]) + (" (*)" if row.repeats_errors else ""),
    ]


def silence_line(row: Row, outcomes: Sequence[Outcome], browsers: Sequence[str]) -> list[str]:
    found = sorted(outcomes, key=lambda outcome: browsers.index(outcome.browser))
    idle = seconds([outcome.idle for outcome in found])
    return [row.title, f"{found[0].pause} s", *rungs(found, browsers), idle]


def table(outcomes: Sequence[Outcome], *, full: bool) -> str:
    browsers = list(dict.fromkeys(outcome.browser for outcome in outcomes))
    head = (SILENCE_HEAD if full else HEAD).format(
        browsers=" | ".join(name.capitalize() for name in browsers),
        lines=" | ".join("---" for _ in browsers),
    )
    of = silence_line if full else line
    for row in ROWS.values():
        if found := [outcome for outcome in outcomes if outcome.row.name == row.name]:
            head += f"| {' | '.join(of(row, found, browsers))} |\n"
    return head


def write(outcomes: Sequence[Outcome], *, full: bool) -> None:
    """Put the table in the place of the one in the document."""
    text = DOCUMENT.read_text()
    begin = BEGIN.format(FULL if full else ALL)
    pattern = re.compile(f"({re.escape(begin)}\n).*?({re.escape(END)})", re.DOTALL)
    new = table(outcomes, full=full)
    made, count = pattern.subn(lambda found: f"{found[1]}\n{new}\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"{DOCUMENT.name} has no place for the table: {begin} ... {END}")
    DOCUMENT.write_text(made)
