"""One middlebox: a real product with a configuration of its own, as an ordinary process."""

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

Address = tuple[str, int]

HOST = "127.0.0.1"
START_WITHIN = 20.0
STOP_WITHIN = 5.0
TRIES = 3  # another process may take the free port before the box does
PROGRAMS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


class BoxError(Exception):
    """A box is not there or did not start; the text has what it said."""


@dataclass(frozen=True)
class Certificate:
    """A certificate that nobody signed, for 127.0.0.1 and localhost."""

    cert: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        made = cls(folder / "certificate.pem", folder / "key.pem")
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}",
                "-keyout", str(made.key), "-out", str(made.cert),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        return made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Box(ABC):
    """A box in front of `upstream`; as a context manager it runs inside the block.

    `prefix` ("/dash") is where a reverse proxy puts the upstream, stripped from what it hands on
    unless `keep_prefix`. `tls` makes a reverse proxy speak HTTPS. `extra` are configuration lines,
    put where a user would add advice; each product's module says where that is.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[Literal["reverse", "forward"]]
    program: ClassVar[str]
    package: ClassVar[str]  # what to install for it
    can_tls: ClassVar[bool] = False

    def __init__(
        self,
        folder: Path,
        upstream: Address,
        *,
        prefix: str = "",
        keep_prefix: bool = False,
        tls: Certificate | None = None,
        extra: str = "",
    ) -> None:
        if prefix and (self.kind == "forward" or not prefix.startswith("/") or prefix[-1] == "/"):
            raise ValueError(f"{self.name}: no prefix can be {prefix!r}")
        if tls and not self.can_tls:
            raise ValueError(f"{self.name} does not speak TLS to its clients")
        self.folder = folder
        self.upstream = upstream
        self.prefix = prefix
        self.keep_prefix = keep_prefix
        self.tls = tls
        self.extra = extra
        self.port = 0
        self.log = folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def find(cls) -> str | None:
        return shutil.which(cls.program, path=PROGRAMS)

    @classmethod
    def installed(cls) -> bool:
        return cls.find() is not None

    @abstractmethod
    def configure(self) -> list[str]:
        """Write the configuration into the folder; the arguments to start the program with."""

    @property
    def path(self) -> str:
        """What the upstream's path is, without the slash at its end."""
        return self.prefix if self.keep_prefix else ""

    @property
    def url(self) -> str:
        """Where a reverse proxy shows the upstream, without the slash at its end."""
        if self.kind != "reverse":
            raise ValueError(f"{self.name} is a forward proxy; use .proxy")
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}{self.prefix}"

    @property
    def proxy(self) -> str:
        """What to tell a browser or client to use as its proxy."""
        if self.kind != "forward":
            raise ValueError(f"{self.name} is a reverse proxy; use .url")
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; after a stop, at the same address."""
        program = self.find()
        if program is None:
            raise BoxError(f"{self.program} is not installed: it comes with {self.package}")
        self.folder.mkdir(parents=True, exist_ok=True)
        known = self.port
        for _ in range(TRIES):
            self.port = known or free_port()
            if self._started([program, *self.configure()]):
                return
        raise BoxError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
            process.wait()

    def restart(self) -> None:
        """What a reload that cannot wait does: all its connections are cut."""
        self.stop()
        self.start()

    def write(self, name: str, template: str, **values: object) -> str:
        """Fill a template, in which `%(name)s` stands for a value; the file's path."""
        known = {"host": self.upstream[0], "upstream": "{}:{}".format(*self.upstream)}
        known |= {"port": str(self.port), "folder": str(self.folder), "extra": self.extra}
        path = self.folder / name
        path.write_text(template % {**known, **values})
        return str(path)

    def _started(self, command: list[str]) -> bool:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "HOME": str(self.folder)},
            )
        limit = time.monotonic() + START_WITHIN
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return True
        self.stop()
        return False
