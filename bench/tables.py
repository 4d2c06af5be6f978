"""The tables of the report; each is empty when nothing of it was measured."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from importlib import metadata

from bench.contenders import NAIVE, NCHAN, OURS, PAUSED, RAW, UVLOOP
from bench.fanout import LATENCY, LATENCY_SUBSCRIBERS
from bench.figures import Figures

SERVERS = (OURS, PAUSED, UVLOOP, NAIVE, NCHAN, RAW)
INGEST = {
    "single": "reports, one a request",
    "bulk": "reports, 500 a request",
    "log-json": "log lines, 500 a request",
    "log-text": "log lines, one text stream",
}


def amount(value: float) -> str:
    """Three digits that mean something, no more."""
    if value == 0 or 0.995 <= abs(value) < 1.005:
        return f"{value:.0f}"
    if abs(value) < 1:
        return f"{value:.2f}"
    if abs(value) < 10:
        return f"{value:.1f}"
    if abs(value) < 1000:
        return f"{value:.0f}"
    if abs(value) < 1e4:
        return f"{value / 1000:.1f}k"
    return f"{value / 1000:.0f}k" if abs(value) < 1e6 else f"{value / 1e6:.2f}M"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine(figures: Figures) -> str:
    """What it ran on, in general words."""
    packages = ["quart", "hypercorn", "aiosqlite", "uvloop"]
    versions = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    for name in packages:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return (
        f"Median of {figures.runs} interleaved runs on {os.cpu_count()} shared cores, "
        f"{platform.system()}; {', '.join(versions)}. Ranges are the lowest and the highest run."
    )


def _against(figures: Figures, name: str, base: str) -> str:
    if not figures.has(base) or name == base:
        return ""
    ratio = figures.ratio(name, base)
    return f"{amount(ratio.median)} ({amount(ratio.low)} to {amount(ratio.high)})"


def fan_out(figures: Figures, count: int) -> str:
    """What a CPU second carries in a closed loop, and how an open one goes.

    ``count``: subscribers.
    """
    if not figures.has(f"fan-out/{count}/W1/{OURS.name}/per_cpu"):
        return ""
    one, many = _closed(figures, count, "W1"), _closed(figures, count, "W32")
    return (
        f"### Fan-out to {count} subscribers\n\n"
        f"One event in flight (W1), deliveries per CPU second:\n\n{one}\n\n"
        f"32 in flight (W32):\n\n{many}\n\n"
        f"100 events a second (R100):\n\n{_open(figures, count, 'R100')}"
    )


def _closed(figures: Figures, count: int, phase: str) -> str:
    rows = []
    for kind in SERVERS:
        name = f"fan-out/{count}/{phase}/{kind.name}/per_cpu"
        if figures.has(name):
            bases = [f"fan-out/{count}/{phase}/{base.name}/per_cpu" for base in (NAIVE, NCHAN, RAW)]
            ratios = [_against(figures, name, base) for base in bases]
            rows.append([kind.label, amount(figures.median(name)), *ratios])
    return grid(["server", "per CPU s", "× naive", "× nchan", "× raw"], rows)


def _open(figures: Figures, count: int, phase: str) -> str:
    rows = []
    for kind in SERVERS:
        name = f"fan-out/{count}/{phase}/{kind.name}"
        if not figures.has(f"{name}/cpu"):
            continue
        complete = figures.all(f"{name}/complete")
        row = [kind.label, f"{figures.median(f'{name}/cpu'):.0%}"]
        row += [amount(figures.median(f"{name}/{column}")) for column in ("p50", "p99", "behind")]
        rows.append([*row, f"{sum(complete):.0f} of {len(complete)} runs"])
    head = ["server", "CPU", "p50 ms", "p99 ms", "events behind at the end", "all delivered, once"]
    return grid(head, rows)


def latency(figures: Figures) -> str:
    rows = []
    for kind in SERVERS:
        name = f"latency/{LATENCY_SUBSCRIBERS}/{LATENCY}/{kind.name}"
        if figures.has(f"{name}/p50"):
            low, high = figures.median(f"{name}/p50"), figures.median(f"{name}/p99")
            rows.append([kind.label, amount(low), amount(high)])
    title = f"### Latency, {LATENCY_SUBSCRIBERS} subscribers, {LATENCY[1:]} events a second"
    return f"{title}\n\n{grid(['server', 'p50 ms', 'p99 ms'], rows)}" if rows else ""


def connections(figures: Figures, count: int) -> str:
    rows = []
    for kind in SERVERS:
        name = f"connects/{count}/{kind.name}"
        if figures.has(f"{name}/rate"):
            row = [kind.label, amount(figures.median(f"{name}/rate"))]
            row += [amount(figures.median(f"{name}/cpu_us") / 1000)]
            row += [amount(figures.median(f"{name}/kb"))]
            rows.append(row)
    head = ["server", "opened a second", "CPU ms each", "kB each"]
    return f"### Opening {count} streams\n\n{grid(head, rows)}" if rows else ""


def stalled(figures: Figures) -> str:
    rows = []
    for kind in SERVERS:
        if figures.has(name := f"stalled/{kind.name}/kb"):
            twice = figures.median(f"stalled/{kind.name}/kb_twice")
            rows.append([kind.label, amount(figures.median(name)), amount(twice)])
    head = ["server", "kB each after 20 MB", "after 40 MB"]
    return f"### Clients that read nothing\n\n{grid(head, rows)}" if rows else ""


def ingest(figures: Figures) -> str:
    rows = []
    single = f"ingest/single/{NAIVE.name}/rate"
    for way, label in INGEST.items():
        name = f"ingest/{way}/{PAUSED.name}/rate"
        if figures.has(name):
            row = [label, amount(figures.median(name))]
            row += [amount(figures.median(f"ingest/{way}/{PAUSED.name}/per_cpu"))]
            rows.append([*row, _against(figures, name, single) if "report" in label else ""])
    if figures.has(single):
        row = ["naive Quart: reports, one a request", amount(figures.median(single))]
        rows.append([*row, amount(figures.median(f"ingest/single/{NAIVE.name}/per_cpu")), ""])
    head = ["over HTTP", "a second", "per CPU s", "× naive"]
    return f"### Ingest\n\n{grid(head, rows)}" if rows else ""


def store(figures: Figures) -> str:
    if not figures.has("store/ours/rate"):
        return ""
    rows = []
    for way, label in (("ours", "LiveQueue, group commit"), ("naive", "naive aiosqlite")):
        row = [label]
        for figure in ("rate", "per_cpu"):
            name = f"store/{way}/{figure}"
            row += [amount(figures.median(name)), _against(figures, name, f"store/naive/{figure}")]
        rows.append(row)
    head = ["64 clients, synchronous=FULL", "commits a second", "× naive", "per CPU s", "× naive"]
    return f"### Store commits\n\n{grid(head, rows)}"


def log_intake(figures: Figures) -> str:
    """Lines taken in, next to plain sqlite3, and their bytes on disk."""
    if not figures.has("logs/intake/one/rate"):
        return ""
    labels = {
        "one": "LiveQueue, one producer (text stream)",
        "ten": "LiveQueue, ten producers (JSON, 500 lines a request)",
        "plain": "plain sqlite3.executemany, 1,000 rows a commit",
    }
    rows = []
    for way, label in labels.items():
        row = [label]
        for figure in ("rate", "per_cpu"):
            name = f"logs/intake/{way}/{figure}"
            base = f"logs/intake/plain/{figure}"
            row += [amount(figures.median(name)), _against(figures, name, base)]
        rows.append(row)
    head = ["lines", "a second", "× plain", "per CPU s", "× plain"]
    text = f"### Log lines taken in\n\n{grid(head, rows)}"
    if figures.has("logs/disk/per_byte"):
        size = figures.median("logs/disk/bytes_a_line")
        text += (
            f"\n\nOn disk a byte of log takes {amount(figures.median('logs/disk/per_byte'))} "
            f"bytes, all tables and indexes included (lines of {size:.0f} bytes)."
        )
    return text


def log_search(figures: Figures) -> str:
    """Searches of one log and of all, next to grep on text files, and reads anywhere."""
    rows = []
    for name in (
        "rare",
        "rare, ignoring case",
        "one line in seven",
        "every line",
        "pattern",
        "pattern, two lines in seven",
    ):
        row = [name]
        for where in ("one", "all"):
            ours, grep = (f"logs/search/{name}/{where}/{who}" for who in ("ours", "grep"))
            if not figures.has(ours):
                return ""
            row += [amount(figures.median(ours)), amount(figures.median(grep))]
        rows.append([*row, amount(figures.median(f"logs/search/{name}/all/first"))])
    head = ["what is sought", "one log, s", "grep, s", "all logs, s", "grep, s", "first hits, s"]
    low, high = figures.median("logs/read/p50"), figures.median("logs/read/p99")
    return (
        f"### Searching logs\n\n{grid(head, rows)}\n\n"
        "First hits: until the newest 500 matching lines of all logs are there (or all of fewer), "
        "asked for as the page does, while they are counted.\n\n"
        f"Reading 500 lines anywhere in a log: p50 {amount(low)} ms, p99 {amount(high)} ms."
    )


def log_page(figures: Figures) -> str:
    """The page of a log in each browser, next to fewer of the same lines in one <pre>."""
    rows, speeds = [], []
    for browser in ("chromium", "firefox"):
        name = f"log-page/{browser}"
        if not figures.has(f"{name}/open"):
            continue
        row = [browser.capitalize()]
        row += [amount(figures.median(f"{name}/{figure}")) for figure in ("open", "memory")]
        row += [amount(figures.median(f"{name}/scroll/{one}")) for one in ("fps", "frame_p95")]
        rows.append(row)
        plain = [amount(figures.median(f"{name}/plain/{figure}")) for figure in ("open", "memory")]
        rows.append([f"{browser.capitalize()}, `<pre>`, 200,000 lines", *plain, "", ""])
        for rate in (100, 5_000):
            at = f"{name}/{rate}"
            row = [f"{browser.capitalize()}, {rate:,} lines a second"]
            row += [amount(figures.median(f"{at}/{one}")) for one in ("rate", "p50", "p99", "fps")]
            longest = f"{at}/longest"
            told = amount(figures.median(longest)) if figures.has(longest) else "not told"
            speeds.append([*row, told])
    if not rows:
        return ""
    head = ["2,000,000 lines", "opens in, s", "memory, MB", "scrolls at, frames/s", "p95 frame, ms"]
    other = [
        "written",
        "lines a second",
        "seen after p50 ms",
        "p99 ms",
        "frames/s",
        "longest task, ms",
    ]
    return f"### The page of a log\n\n{grid(head, rows)}\n\n{grid(other, speeds)}"
