"""The processes that Firefox shows pages with, one for each of the first tabs of a site."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

MARK = 200_000_000  # bytes
TAKE = "size => { globalThis.mark = new Uint8Array(size).fill(1); }"


def kill(page: Page) -> None:
    """End the process that shows this page, as a crash does.

    Firefox does not tell which it is: it is the one that grows when the page takes memory.
    """
    before = dict(_resident())
    page.evaluate(TAKE, MARK)
    grown = [pid for pid, size in _resident() if size - before.get(pid, 0) > 0.8 * MARK]
    assert len(grown) == 1, f"the page's process is not clear: {grown}"
    os.kill(grown[0], signal.SIGKILL)


def _resident() -> Iterator[tuple[int, int]]:
    """Each content process below this one, and its bytes in memory."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        pid = int(folder.name)
        parents[pid] = _number("PPid", status)
        if b"-contentproc" in command:
            sizes[pid] = _number("VmRSS", status) * 1024
    for pid, size in sizes.items():
        parent = pid
        while parent in parents and parent != os.getpid():
            parent = parents[parent]
        if parent == os.getpid():
            yield pid, size


def _number(name: str, status: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0
