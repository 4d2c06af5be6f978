"""Tables for docs/performance.md, from the figures of all runs."""

from __future__ import annotations

from bench import tables, targets
from bench.figures import Figures
from bench.process import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin, written by python -m bench --write -->", "<!-- bench: end -->"


def render(figures: Figures) -> str:
    """All tables for which there are figures, as Markdown."""
    parts = [tables.machine(figures), targets.table(figures)]
    parts += [tables.fan_out(figures, count) for count in (200, 1000, 5000)]
    parts += [tables.latency(figures)]
    parts += [tables.connections(figures, count) for count in (200, 1000, 5000)]
    parts += [tables.stalled(figures), tables.ingest(figures), tables.store(figures)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(text: str) -> None:
    """Put them between the markers of the page; its prose stays."""
    before, found, rest = PAGE.read_text().partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise SystemExit(f"bench: {PAGE.name} has lost its markers")
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
