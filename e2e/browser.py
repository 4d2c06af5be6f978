"""Find a Chromium to test with, or say plainly what to do.

In this order: $LIVEQUEUE_CHROMIUM, one that the system has, Debian's package (installed when we are
root), Playwright's own download.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright

VARIABLE = "LIVEQUEUE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB, and a tab that fills it crashes
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HELP = f"""\
No Chromium was found to run the browser tests with. Any one of these will do:
  - name one:                {VARIABLE}=/path/to/chromium make test
  - Debian's, as root:       apt-get install chromium
  - Playwright's own:        {{python}} -m playwright install --with-deps chromium
What was tried:
{{tried}}"""


class NoBrowserError(Exception):
    """There is no Chromium, and none could be installed; the text says what to do."""


def works(program: str | Path) -> bool:
    """Whether it starts: on some systems `chromium` is only a hint to install another package."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def system_chromium() -> str | None:
    found = (shutil.which(name) for name in NAMES)
    return next((program for program in found if program and works(program)), None)


def install_from_debian() -> str:
    """Install Debian's Chromium; what stood in the way, or nothing when it went well."""
    if os.geteuid() != 0:
        return "not root"
    if not shutil.which("apt-get"):
        return "there is no apt-get here"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    for command in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return last_line(done.stderr)
    return ""


def install_from_playwright() -> str:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return "it took longer than ten minutes"
    return "" if done.returncode == 0 else last_line(done.stderr or done.stdout)


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it failed without a word"


def find_chromium() -> str | None:
    """The program to start, or None for the one Playwright brought itself."""
    tried = []
    if named := os.environ.get(VARIABLE):
        if works(named):
            return named
        raise NoBrowserError(f"{VARIABLE}={named}, but that program does not start.")
    if program := system_chromium():
        return program
    tried.append(f"the system's: none of {', '.join(NAMES)} is there and starts")
    trouble = install_from_debian()
    if program := system_chromium():
        return program
    tried.append(f"Debian's package: {trouble or 'installed, but it does not start'}")
    if not (trouble := install_from_playwright()):
        return None
    tried.append(f"Playwright's download: {trouble}")
    rows = "\n".join(f"  - {row}" for row in tried)
    raise NoBrowserError(HELP.format(python=sys.executable, tried=rows))


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A running Chromium; its flags keep it off every network but the page's own."""
    program = find_chromium()
    try:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
    except Error as error:
        raise NoBrowserError(f"{program or 'The Chromium of Playwright'}: {error}") from error
    try:
        yield browser
    finally:
        browser.close()
