"""Terminal output: the cases the browser's module is tested with too, and long hostile lines."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from app.ansi import carry, plain

CASES = json.loads((Path(__file__).parent / "web" / "ansi.json").read_text(encoding="utf-8"))
LINE = 16 * 1024


@pytest.mark.parametrize(("text", "expected"), CASES["plain"])
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected
    assert plain(expected) == expected


@pytest.mark.parametrize(("state", "text", "expected"), CASES["carry"])
def test_carry(state: str, text: str, expected: str) -> None:
    assert carry(state, text) == expected


@pytest.mark.parametrize(("state", "text", "parts"), CASES["pieces"])
def test_the_browser_draws_the_plain_text(state: str, text: str, parts: list[list[str]]) -> None:
    assert "".join(part[0] for part in parts) == plain(text)


HOSTILE = (
    "\x1b",
    "\x1b[",
    "\x1b[1",
    "\x1b[1;",
    "\x1b]",
    "\x1b]8;;",
    "\x1bP",
    "\x1bk",
    "\x1b(",
    "1;",
    " ",
)
ENDS = ("", "m", "\x1b\\", "\x07", "\u65e5")


@pytest.mark.parametrize("part", HOSTILE, ids=repr)
def test_no_line_is_slow(part: str) -> None:
    for start in ("", "\x1b[", "\x1b]", "\x1bk"):
        for end in ENDS:
            line = start + part * (LINE // len(part)) + end
            started = time.process_time()
            plain(line)
            carry("1;31", line)
            assert time.process_time() - started < 0.1
