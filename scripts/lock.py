"""Write the lock files: exact versions with hashes, for every Python and machine we support.

Run by `make lock`. The resolver lives in an environment of its own, .lock-tools, so that it is no
dependency of anybody else.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".lock-tools"
FOR_ALL = """\
# One file for Python 3.11 and newer, on x86-64 and ARM: markers pick what applies.
"""


@dataclass(frozen=True)
class Lock:
    file: str
    inputs: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        return f"# Written by `make lock` from {' and '.join(self.inputs)}; do not edit.\n{FOR_ALL}"


LOCKS = (
    Lock(
        "requirements.lock",
        ("pyproject.toml", "client/pyproject.toml"),
        ("--group", "dev", "--no-emit-package", "livequeue-client"),
    ),
    # Its pins conflict with ours, so it has an environment of its own.
    Lock("e2e/boxes/mitmproxy.lock", ("e2e/boxes/mitmproxy.in",)),
    Lock("e2e/boxes/traefik.lock", ("e2e/boxes/traefik.in",)),
)


def run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


def resolver() -> str:
    uv = TOOLS / "bin" / "uv"
    if not uv.exists():
        run(sys.executable, "-m", "venv", str(TOOLS))
        run(str(TOOLS / "bin" / "pip"), "install", "--quiet", "uv")
    return str(uv)


def compile_lock(lock: Lock, extra: list[str]) -> str:
    uv = resolver()
    present = ROOT / lock.file
    draft = TOOLS / present.name
    if present.exists():
        # The resolver keeps the versions of the file it writes over, unless told to upgrade.
        draft.write_text(present.read_text())
    options = "--quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url"
    run(
        uv, "pip", "compile", *options.split(), "--python-version", "3.11", *lock.options, *extra,
        "--output-file", str(draft), *lock.inputs,
    )  # fmt: skip
    return draft.read_text()


def main() -> None:
    for lock in LOCKS:
        text = compile_lock(lock, sys.argv[1:])
        # A lock that names places would break wherever these cannot be reached.
        if places := re.findall(r"^.*(?:://|--index|--find-links|file:).*$", text, re.MULTILINE):
            found = os.linesep.join(places)
            raise SystemExit(f"lock: refusing to name a place:{os.linesep}{found}")
        (ROOT / lock.file).write_text(lock.header + text)
        print(f"lock: {lock.file}: {len(re.findall(r'^[A-Za-z0-9]', text, re.MULTILINE))} packages")


if __name__ == "__main__":
    main()
