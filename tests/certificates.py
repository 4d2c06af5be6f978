"""Certificates that sign themselves, for `localhost` and 127.0.0.1."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Files:
    cert: Path
    key: Path

    @property
    def flags(self) -> list[str]:
        return ["--certfile", str(self.cert), "--keyfile", str(self.key)]


def make(folder: Path, name: str = "localhost") -> Files:
    files = Files(folder / f"{name}.pem", folder / f"{name}-key.pem")
    # As in docs/deployment.md.
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "365", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(files.key), "-out", str(files.cert)]
    subprocess.run(command, check=True, capture_output=True)
    return files
