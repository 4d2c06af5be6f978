"""Builds and drives the load client, ``load.c``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bench.contenders import Contender
from bench.process import Child

SOURCE = Path(__file__).with_name("load.c")


def build(folder: Path) -> Path:
    """Compile it. Raises SystemExit with what to do when there is no compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise SystemExit("bench: a C compiler is needed (cc, or name one in CC)")
    binary = folder / "load"
    subprocess.run([compiler, "-O2", "-o", str(binary), str(SOURCE)], check=True)
    return binary


class Load(Child):
    """``subscribers`` streams on one server; ``opened`` says how fast and how large they are."""

    def __init__(self, binary: Path, server: Contender, subscribers: int) -> None:
        mode = "http" if server.over_http else "line"
        command = [str(binary), str(server.port), server.path, str(subscribers), mode]
        command += [str(server.publish_port), str(server.pad), ",".join(map(str, server.pids))]
        super().__init__(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        self.opened = self._answer()

    def phase(self, name: str, seconds: float) -> dict[str, float]:
        """Run ``W32`` or ``R100``: see ``load.c`` for what they mean and what comes back."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name} {seconds:g}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load client ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return {name: float(value) for name, value in answer.items()}
