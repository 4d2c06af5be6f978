"""Store commits with 64 clients: ours and the naive way, in turn."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Figures
from bench.process import Child, first_line, python


def run(figures: Figures, seconds: float) -> None:
    with TemporaryDirectory(prefix="bench-") as folder:
        log = Path(folder, "store.log")
        process = python("bench.servers.store", folder, f"{seconds:g}", log=log)
        with Child(process):
            results = first_line(process, log)
            process.wait()
    for way, result in results.items():
        figures.add(f"store/{way}", result)
        print(
            f"store  {way:7} {result['rate']:>9,.0f} commits/s {result['per_cpu']:>9,.0f}/CPU s",
            flush=True,
        )
