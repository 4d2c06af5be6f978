"""A real server in a process of its own, on a real port, with a real file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("livequeue", deadline=None)
settings.load_profile("livequeue")

# Programs that tests start would inherit what nohup and a shell's & ignore.
for number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(number) is signal.SIG_IGN:
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, default)

STOP_WITHIN = 10.0  # seconds that Docker waits, before it kills
ADDRESS = re.compile(r"https?://\S+?(?=/ )")


def wait_until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "") -> Any:
    """The first true value of ``condition``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what or condition}")
        time.sleep(0.01)
    return value


class Server:
    """``livequeue serve`` as a subprocess; it can be stopped, killed and started again."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.database_path = folder / "livequeue.db"
        self.log_path = folder / "server.log"
        self.flags = flags
        self.url = ""
        self.checkout: Path | None = None  # another than this one
        self.process: subprocess.Popen[bytes]

    def start(self) -> Server:
        """Start it, on the port it had before if it had one."""
        bind = self.url.partition("//")[2] or "127.0.0.1:0"
        command = [sys.executable, "-m", "livequeue_client.cli", "serve"]
        command += ["--bind", bind, "--db", str(self.database_path), *self.flags]
        with self.log_path.open("ab") as log:
            start = log.tell()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.checkout)
        self.url = wait_until(lambda: self._address(start), 60, "the server to start")
        return self

    def _address(self, start: int) -> str:
        text = self.log_path.read_bytes()[start:].decode()
        if self.process.poll() is not None:
            pytest.fail(f"the server ended with {self.process.returncode}:\n{text}")
        found = ADDRESS.search(text)
        return found.group() if found else ""

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    @property
    def running(self) -> bool:
        return self.process.poll() is None


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Server]:
    """A server for many tests, which ends well after them."""
    server = Server(folder, *flags).start()
    try:
        yield server
        assert server.stop() == 0
    finally:
        if server.running:
            server.kill()
    assert "Traceback" not in server.log()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers with flags of one's own; each has its own folder unless one is given."""
    servers: list[Server] = []

    def make(*flags: str, folder: Path | None = None) -> Server:
        if folder is None:
            folder = tmp_path / f"server-{len(servers)}"
            folder.mkdir()
        server = Server(folder, *flags)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        if server.running:
            server.kill()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server()


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client
