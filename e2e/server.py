"""A real `livequeue serve` in a process of its own, which a test may stop, kill and start again."""

import os
import re
import signal
import subprocess
import sys
import threading
from functools import cached_property
from pathlib import Path

from e2e.api import Api

STARTED = re.compile(r"LiveQueue \S+ on (https?://\S+:(\d+))/")
START_WITHIN = 60.0
STOP_WITHIN = 10.0  # as long as Docker waits, before it kills


def livequeue() -> str:
    """The command as installed beside this interpreter."""
    program = Path(sys.executable).with_name("livequeue")
    if not program.exists():
        raise FileNotFoundError(f"{program} is missing: run `make setup` and use .venv/bin/python")
    return str(program)


def environment(**extra: str) -> dict[str, str]:
    """This process's environment, without settings of LiveQueue's that happen to be in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVEQUEUE_")}
    return {**kept, **extra}


class Server:
    """One database and the process that serves it; the address stays the same over restarts."""

    def __init__(self, folder: Path, **settings: str | float) -> None:
        self.db = folder / "livequeue.db"
        self.log = folder / "server.log"
        self.settings = settings
        self.port = 0
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    @cached_property
    def api(self) -> Api:
        return Api(self.url)

    def close(self) -> None:
        """End it for good; that must go well."""
        if "api" in self.__dict__:
            self.api.http.close()
        assert self.stop() == 0, self.log.read_text()

    def start(self) -> None:
        assert self._process is None
        flags = [
            word
            for name, value in self.settings.items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        bind = f"127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [livequeue(), "serve", "--bind", bind, "--db", str(self.db), *flags],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        started = threading.Event()
        threading.Thread(target=self._follow, args=(self._process, started), daemon=True).start()
        if not started.wait(START_WITHIN) or not self.url:
            self.kill()
            raise RuntimeError(f"the server did not start:\n{self.log.read_text()}")

    def _follow(self, process: subprocess.Popen[str], started: threading.Event) -> None:
        """Keep what it says; its first line tells the port."""
        assert process.stderr is not None
        with self.log.open("a") as log, process.stderr:
            for line in process.stderr:
                log.write(line)
                log.flush()
                if (found := STARTED.search(line)) and not started.is_set():
                    self.url, self.port = found[1], int(found[2])
                    started.set()
        started.set()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server ignored {number.name}") from None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()
