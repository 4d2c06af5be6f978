"""Fan-out, latency, connects and memory: all servers at once, phase by phase in turn."""

from __future__ import annotations

import resource
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import nginx
from bench.contenders import NAIVE, NCHAN, OURS, PAUSED, RAW, UVLOOP, Kind
from bench.figures import Figures
from bench.load import Load
from bench.servers import ready

PHASES = ("W1", "W32", "R100")
LATENCY_SUBSCRIBERS = 100
LATENCY = "R10"  # an idle topic: each event finds everybody waiting


def kinds() -> list[Kind]:
    """All servers that can be started here; says what is left out."""
    found = [RAW, OURS, PAUSED, NAIVE]
    if ready.has_uvloop():
        found.append(UVLOOP)
    else:
        print("uvloop is not installed: raw asyncio runs on the standard loop (pip install uvloop)")
    if why := nginx.missing():
        print(f"nchan is left out: {why}")
    else:
        found.append(NCHAN)
    return found


def allow_files(count: int) -> None:
    """Let this process and its children open so many. Raises SystemExit if that is not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"bench: {count} open files are needed, `ulimit -Hn` is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def run(
    figures: Figures,
    binary: Path,
    measure: str,
    subscribers: int,
    phases: tuple[str, ...],
    seconds: float,
) -> None:
    """One run; its figures are called ``measure/subscribers/phase/server/...``."""
    allow_files(subscribers + 500)
    with ExitStack() as stack:
        loads: dict[str, Load] = {}
        for kind in kinds():
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
            server = stack.enter_context(kind.start(folder))
            loads[kind.name] = stack.enter_context(Load(binary, server, subscribers))
            figures.add(f"connects/{subscribers}/{kind.name}", loads[kind.name].opened)
        for phase in phases:
            for name, load in loads.items():
                result = load.phase(phase, seconds)
                figures.add(f"{measure}/{subscribers}/{phase}/{name}", result)
                print(_line(phase, subscribers, name, result), flush=True)


def _line(phase: str, subscribers: int, name: str, result: dict[str, float]) -> str:
    return (
        f"{phase:5} N={subscribers:<5} {name:7} {result['per_cpu']:>9,.0f}/CPU s  "
        f"server {result['cpu']:4.0%}  client {result['client_cpu']:4.0%}  "
        f"p50 {result['p50']:7.1f} ms  p99 {result['p99']:7.1f} ms  {result['bytes']:.0f} B"
        + ("" if result["complete"] else "  INCOMPLETE")
    )
