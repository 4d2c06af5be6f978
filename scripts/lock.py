"""Write requirements.lock: exact versions with hashes, for every Python and machine we support.

Run by `make lock`. The resolver lives in an environment of its own, .lock-tools, so that it is no
dependency of anybody else.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".lock-tools"
LOCK = ROOT / "requirements.lock"
HEADER = """\
# Written by `make lock` from pyproject.toml and client/pyproject.toml; do not edit.
# One file for Python 3.11 and newer, on x86-64 and ARM: markers pick what applies.
"""


def run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


def resolver() -> str:
    uv = TOOLS / "bin" / "uv"
    if not uv.exists():
        run(sys.executable, "-m", "venv", str(TOOLS))
        run(str(TOOLS / "bin" / "pip"), "install", "--quiet", "uv")
    return str(uv)


def compile_lock(extra: list[str]) -> str:
    uv = resolver()
    draft = TOOLS / "requirements.txt"
    if LOCK.exists():
        # The resolver keeps the versions of the file it writes over, unless told to upgrade.
        draft.write_text(LOCK.read_text())
    options = "--quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url"
    run(
        uv, "pip", "compile", *options.split(), "--python-version", "3.11",
        "--group", "dev", "--no-emit-package", "livequeue-client", *extra,
        "--output-file", str(draft), "pyproject.toml", "client/pyproject.toml",
    )  # fmt: skip
    return draft.read_text()


def main() -> None:
    text = compile_lock(sys.argv[1:])
    # A lock that names places would break wherever these cannot be reached.
    if places := re.findall(r"^.*(?:://|--index|--find-links|file:).*$", text, re.MULTILINE):
        raise SystemExit("lock: refusing to name a place:" + os.linesep + os.linesep.join(places))
    LOCK.write_text(HEADER + text)
    print(f"lock: {len(re.findall(r'^[A-Za-z0-9]', text, re.MULTILINE))} packages")


if __name__ == "__main__":
    main()
