"""Tables for docs/performance.md, from the figures of all runs."""

from __future__ import annotations

from bench import tables, targets
from bench.figures import Figures
from bench.process import ROOT

PAGE = ROOT / "docs" / "performance.md"


def render(figures: Figures) -> dict[str, str]:
    """The tables for which there are figures, as Markdown, by section of the page."""
    return {"live": _live(figures), "logs": _logs(figures), "log-page": _log_page(figures)}


def _live(figures: Figures) -> str:
    parts = [targets.table(figures, targets.LIVE)]
    parts += [tables.fan_out(figures, count) for count in (200, 1000, 5000)]
    parts += [tables.latency(figures)]
    parts += [tables.connections(figures, count) for count in (200, 1000, 5000)]
    parts += [tables.stalled(figures), tables.ingest(figures), tables.store(figures)]
    return _joined(figures, parts)


def _logs(figures: Figures) -> str:
    parts = [targets.table(figures, targets.LOGS), tables.log_intake(figures)]
    return _joined(figures, [*parts, tables.log_search(figures)])


def _log_page(figures: Figures) -> str:
    parts = [targets.table(figures, targets.LOG_PAGE), tables.log_page(figures)]
    return _joined(figures, parts)


def _joined(figures: Figures, parts: list[str]) -> str:
    kept = [part for part in parts if part]
    return "\n\n".join([tables.machine(figures), *kept]) + "\n" if kept else ""


def write(sections: dict[str, str]) -> None:
    """Put those that were measured between their markers on the page; its prose stays."""
    page = PAGE.read_text()
    for name, text in sections.items():
        if not text:
            continue
        begin, end = (
            f"<!-- bench {name}: begin, by python -m bench -->",
            f"<!-- bench {name}: end -->",
        )
        before, found, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise SystemExit(f"bench: {PAGE.name} has lost its markers for {name}")
        page = f"{before}{begin}\n\n{text}\n{end}{after}"
    PAGE.write_text(page)
