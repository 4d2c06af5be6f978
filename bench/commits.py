"""Store commits with 64 clients: ours and the naive way, in turn."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Figures
from bench.process import Child, first_line, python

CLIENTS = 64


def run(figures: Figures, seconds: float) -> None:
    for way in ("ours", "naive"):
        with TemporaryDirectory(prefix="bench-") as folder:
            path = str(Path(folder, "store.db"))
            log = Path(folder, "store.log")
            process = python(
                "bench.servers.store", way, path, str(CLIENTS), f"{seconds:g}", log=log
            )
            with Child(process):
                result = first_line(process, log)
                process.wait()
        # What was acknowledged is there, and nothing else.
        assert result["acknowledged"] == result["stored"], result
        figures.add(f"store/{way}", {"rate": result["rate"]})
        print(f"store  {way:7} {result['rate']:>9,.0f} transactions/s", flush=True)
