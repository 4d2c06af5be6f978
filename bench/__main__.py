"""The command: ``python -m bench [--quick] [--only NAMES] [--runs N] [--write]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import commits, fanout, ingest, load, log_page, logs, report, stalled
from bench.figures import Figures

LIVE = ("fan-out", "latency", "memory", "stalled", "connects", "ingest", "store")
LOGS = ("logs",)
PAGES = ("log-page",)
MEASURES = (*LIVE, *LOGS, *PAGES)
STREAMS = {"fan-out", "memory", "connects"}  # all come from the same runs


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few clients and short times")
    parser.add_argument("--only", metavar="NAMES", help=f"some of {','.join(MEASURES)}")
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs (default: 5)")
    parser.add_argument("--seconds", type=float, help="length of each phase")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the raw figures")
    parser.add_argument("--load", type=Path, metavar="FILE", help="report saved ones instead")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md anew")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",") if arguments.only else list(MEASURES)
    if unknown := set(arguments.only) - set(MEASURES):
        parser.error(f"there is no measure called {', '.join(sorted(unknown))}")
    whole = [set(group) for group in (LIVE, LOGS, PAGES, MEASURES)]
    if arguments.write and (arguments.quick or set(arguments.only) not in whole):
        groups = " or ".join(",".join(group) for group in (LIVE, LOGS, PAGES))
        parser.error(f"--write needs everything measured, or all of {groups}, and not in a hurry")
    return arguments


def measure(arguments: argparse.Namespace, figures: Figures) -> None:
    only = set(arguments.only)
    seconds = arguments.seconds or (1.0 if arguments.quick else 4.0)
    counts = (200,) if arguments.quick else (1000, 5000)
    with TemporaryDirectory(prefix="bench-") as folder:
        binary = load.build(Path(folder))
        for number in range(arguments.runs if only & set(LIVE) else 0):
            print(f"run {number + 1} of {arguments.runs}", flush=True)
            if only & STREAMS:
                phases = fanout.PHASES if "fan-out" in only else ()
                for count in counts:
                    fanout.run(figures, binary, "fan-out", count, phases, seconds)
            if "latency" in only:
                count = fanout.LATENCY_SUBSCRIBERS
                fanout.run(figures, binary, "latency", count, (fanout.LATENCY,), seconds)
            if "stalled" in only:
                stalled.run(figures, 20 if arguments.quick else 100)
            if "ingest" in only:
                ingest.run(figures, seconds)
            if "store" in only:
                commits.run(figures, seconds)
    if "logs" in only:
        logs.run(figures, arguments.runs, seconds, quick=arguments.quick)
    if "log-page" in only:
        log_page.run(figures, arguments.runs, quick=arguments.quick)


def main() -> int:
    arguments = parse()
    figures = Figures.load(arguments.load) if arguments.load else Figures()
    if not arguments.load:
        measure(arguments, figures)
    if arguments.save:
        figures.save(arguments.save)
    sections = report.render(figures)
    print("\n".join(text for text in sections.values() if text))
    if arguments.write:
        report.write(sections)
    return 0


if __name__ == "__main__":
    sys.exit(main())
