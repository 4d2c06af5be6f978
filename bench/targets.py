"""What the project wants to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.figures import Figures, Spread, spread
from bench.tables import amount, grid

FAN_OUT = "fan-out/1000"


class Target(NamedTuple):
    """``limit`` is a lower one when ``at_least``, else an upper one."""

    what: str
    limit: float
    unit: str
    at_least: bool
    measured: Callable[[Figures], Spread]


def _ratio(name: str, base: str) -> Callable[[Figures], Spread]:
    return lambda figures: figures.ratio(name, base)


def _value(name: str, scale: float = 1) -> Callable[[Figures], Spread]:
    return lambda figures: spread([value * scale for value in figures.all(name)])


LIVE = (
    Target(
        "W1, deliveries per CPU second against naive Quart", 1.25, "times", True,
        _ratio(f"{FAN_OUT}/W1/ours/per_cpu", f"{FAN_OUT}/W1/naive/per_cpu"),
    ),
    Target(
        "W1, against raw asyncio", 0.20, "times", True,
        _ratio(f"{FAN_OUT}/W1/ours/per_cpu", f"{FAN_OUT}/W1/raw/per_cpu"),
    ),
    Target(
        "W32, against naive Quart", 14, "times", True,
        _ratio(f"{FAN_OUT}/W32/ours/per_cpu", f"{FAN_OUT}/W32/naive/per_cpu"),
    ),
    Target(
        "W32, against nchan", 5, "times", True,
        _ratio(f"{FAN_OUT}/W32/ours/per_cpu", f"{FAN_OUT}/W32/nchan/per_cpu"),
    ),
    Target(
        "R100, runs in which all was delivered, once", 1, "of all", True,
        _value(f"{FAN_OUT}/R100/ours/complete"),
    ),
    Target(
        "R100, p99 at pause 0 against nchan", 4, "times", False,
        _ratio(f"{FAN_OUT}/R100/ours/p99", f"{FAN_OUT}/R100/nchan/p99"),
    ),
    Target(
        "R100, p99 at the default pause", 100, "ms", False,
        _value(f"{FAN_OUT}/R100/paused/p99"),
    ),
    Target(
        "R100, CPU at the default pause against pause 0", 0.65, "times", False,
        _ratio(f"{FAN_OUT}/R100/paused/cpu", f"{FAN_OUT}/R100/ours/cpu"),
    ),
    Target("memory of a connection", 24, "kB", False, _value("connects/1000/ours/kb")),
    Target("memory of a stalled client", 0.2, "MB", False, _value("stalled/ours/kb", 0.001)),
    Target(
        "store commits, 64 clients, against naive aiosqlite", 25, "times", True,
        _ratio("store/ours/rate", "store/naive/rate"),
    ),
)  # fmt: skip


LOGS = (
    Target("lines a second, one producer", 50_000, "", True, _value("logs/intake/one/rate")),
    Target(
        "searching one log of 2,000,000 lines", 1, "s", False, _value("logs/search/rare/one/ours")
    ),
    Target(
        "the same, ignoring case", 1, "s", False,
        _value("logs/search/rare, ignoring case/one/ours"),
    ),
    Target(
        "searching all logs, 10,000,000 lines", 2, "s", False, _value("logs/search/rare/all/ours")
    ),
    Target(
        "the same, ignoring case", 2, "s", False,
        _value("logs/search/rare, ignoring case/all/ours"),
    ),
    Target("/healthz while logs are searched, p99", 250, "ms", False, _value("logs/health/p99")),
)  # fmt: skip


LOG_PAGE = tuple(
    Target(f"{what}, {browser}", limit, unit, at_least, _value(f"log-page/{browser}/{figure}"))
    for browser in ("chromium", "firefox")
    for what, limit, unit, at_least, figure in (
        ("a log of 2,000,000 lines opens", 1, "s", False, "open"),
        ("it scrolls (60 is all there is)", 58, "frames/s", True, "scroll/fps"),
        ("memory of its tab", 150, "MB", False, "memory"),
        ("longest task at 5,000 lines a second", 200, "ms", False, "5000/longest"),
    )
)


def table(figures: Figures, targets: Sequence[Target]) -> str:
    """One line for each target that was measured."""
    rows = []
    for target in targets:
        try:
            measured = target.measured(figures)
        except KeyError:
            continue
        kept = measured.median >= target.limit
        if not target.at_least:
            kept = measured.median <= target.limit
        word = "at least" if target.at_least else "at most"
        rows.append(
            [
                target.what,
                f"{word} {target.limit:g} {target.unit}",
                amount(measured.median),
                f"{amount(measured.low)} to {amount(measured.high)}",
                "yes" if kept else "**no**",
            ]
        )
    head = ["figure (of streams: N = 1000)", "to reach", "median", "range", "reached"]
    return f"### What was to be reached\n\n{grid(head, rows)}" if rows else ""
