"""The servers that are compared, and how each is started."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import nginx
from bench.process import Child, children_of, first_line, python

PAD, OUR_PAD = 240, 20  # so that everybody's frames are about 300 bytes


class Contender(Child):
    """A running server, its streams at ``path`` and its publishing port; ``over_http``: POST /pub.

    ``pad`` makes its frames as long as everybody's: LiveQueue's carry more of their own.
    """

    def __init__(
        self,
        process: subprocess.Popen[str],
        port: int,
        publish_port: int,
        path: str,
        *,
        pad: int = PAD,
        over_http: bool = False,
        worker: int | None = None,
    ) -> None:
        super().__init__(process)
        self.port = port
        self.publish_port = publish_port
        self.path = path
        self.pad = pad
        self.over_http = over_http
        self.pids = [process.pid if worker is None else worker]


@dataclass(frozen=True)
class Kind:
    """``start`` gets an empty folder of the server's own."""

    name: str
    label: str
    start: Callable[[Path], Contender]


def _python(folder: Path, path: str, module: str, *arguments: str, pad: int = PAD) -> Contender:
    log = folder / "server.log"
    process = python(f"bench.servers.{module}", *arguments, log=log)
    try:
        ports = first_line(process, log)
        _wait_for(ports["port"])
    except BaseException:
        process.kill()
        raise
    return Contender(process, ports["port"], ports["publish_port"], path, pad=pad)


def _ours(*flags: str) -> Callable[[Path], Contender]:
    return lambda folder: _python(
        folder, "/events/system", "ours", "--db", str(folder / "bench.db"), *flags, pad=OUR_PAD
    )


def _nchan(folder: Path) -> Contender:
    process, port = nginx.start(folder)
    try:
        _wait_for(port)
        (worker,) = children_of(process.pid)
    except BaseException:
        process.kill()
        raise
    return Contender(process, port, port, "/sub", over_http=True, worker=worker)


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


OURS = Kind("ours", "LiveQueue, pause 0", _ours("--wave-pause", "0"))
PAUSED = Kind("paused", "LiveQueue, default pause", _ours())
UVLOOP = Kind("uvloop", "LiveQueue on uvloop, pause 0", _ours("--wave-pause", "0", "--uvloop"))
RAW = Kind("raw", "raw asyncio", lambda folder: _python(folder, "/", "raw"))
NAIVE = Kind(
    "naive",
    "naive Quart",
    lambda folder: _python(folder, "/sub", "naive", "--db", str(folder / "naive.db")),
)
NCHAN = Kind("nchan", "nchan (C)", _nchan)
