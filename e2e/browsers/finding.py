"""A browser on this machine: found, or installed, or said plainly what to do."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path


class NoBrowserError(Exception):
    """There is no such browser, and none could be installed; the text says what to do."""


def works(program: str | Path) -> bool:
    """Whether it starts: on some systems `chromium` is only a hint to install another package."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def named_by(variable: str) -> str | None:
    """The program that the environment names, which must then start."""
    named = os.environ.get(variable)
    if named and not works(named):
        raise NoBrowserError(f"{variable}={named}, but that program does not start.")
    return named or None


def of_the_system(names: Iterable[str]) -> str | None:
    found = (shutil.which(name) for name in names)
    return next((program for program in found if program and works(program)), None)


def install_from_debian(package: str) -> str:
    """Install Debian's package; what stood in the way, or nothing when it went well."""
    if os.geteuid() != 0:
        return "not root"
    if not shutil.which("apt-get"):
        return "there is no apt-get here"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return last_line(done.stderr)
    return ""


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it failed without a word"
