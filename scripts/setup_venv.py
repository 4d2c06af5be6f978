"""Build .venv from requirements.lock; do nothing when it is already right.

Run by `make setup`, which has made sure of Python 3.11, with the interpreter that the environment
is to be built from. It needs the standard library and pip only: Debian without python3-venv has no
ensurepip, so there the outer pip installs into an environment that has none of its own.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "livequeue-setup"
INPUTS = ("requirements.lock", "scripts/setup_venv.py")
PROJECTS = (".", "client")


def fingerprint() -> str:
    """All that the environment was made from; the place too, since editable installs name it."""
    digest = hashlib.sha256()
    for part in (sys.version, sys.base_prefix, str(ROOT)):
        digest.update(part.encode() + b"\0")
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes() + b"\0")
    for project in PROJECTS:
        settings = tomllib.loads((ROOT / project / "pyproject.toml").read_text())
        # Not all of it: the settings of linters and tests need no new environment.
        digest.update(repr((settings["build-system"], settings["project"])).encode())
    return digest.hexdigest()


def is_current(wanted: str) -> bool:
    return STAMP.is_file() and STAMP.read_text() == wanted and (VENV / "bin/python").exists()


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise SystemExit(f"setup: this failed (exit {done.returncode}): {' '.join(command)}")


def create() -> list[str]:
    """Make an empty environment and return the pip command that installs into it."""
    if VENV.exists():
        shutil.rmtree(VENV)
    inner = str(VENV / "bin" / "python")
    if has("ensurepip"):
        run(sys.executable, "-m", "venv", str(VENV))
        return [inner, "-m", "pip"]
    if has("pip"):
        run(sys.executable, "-m", "venv", "--without-pip", str(VENV))
        return [sys.executable, "-m", "pip", "--python", inner]
    raise SystemExit(
        f"setup: {sys.executable} has neither ensurepip nor pip, so no packages can be installed.\n"
        "On Debian or Ubuntu: apt-get install python3-venv"
    )


def main() -> None:
    wanted = fingerprint()
    if is_current(wanted):
        return
    print("setup: building .venv from requirements.lock ...", flush=True)
    pip = create()
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    run(*pip, "install", *quiet, "--no-deps", "--require-hashes", "-r", "requirements.lock")
    editable = [word for project in PROJECTS for word in ("--editable", project)]
    # Offline and without isolation: the build backend was locked and installed just now.
    run(*pip, "install", *quiet, "--no-deps", "--no-build-isolation", "--no-index", *editable)
    STAMP.write_text(wanted)
    print("setup: done", flush=True)


if __name__ == "__main__":
    main()
