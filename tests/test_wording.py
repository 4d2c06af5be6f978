"""The cases the browser's words are tested with too: both must say the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import wording
from app.wording import Wording

CASES = json.loads((Path(__file__).parent / "web" / "wording.json").read_text(encoding="utf-8"))
WORDS = Wording("en", wording.parse(CASES.pop("now")))
TASK = dict.fromkeys(
    ("current", "total", "unit", "progress", "eta_seconds", "duration_seconds", "rate")
)
SAYS: dict[str, Callable[[Any], str]] = {
    "percent": WORDS.percent,
    "barValue": wording.bar_value,
    "barColour": wording.bar_colour,
    "duration": WORDS.duration,
    "remaining": WORDS.remaining,
    "quantity": lambda given: WORDS.quantity(*given),
    "ago": WORDS.ago,
    "exact": wording.exact,
    "progress": lambda given: WORDS.progress(TASK | given),
    "reason": wording.reason,
}


@pytest.mark.parametrize("name", CASES)
def test_words(name: str) -> None:
    for given, expected in CASES[name]:
        assert SAYS[name](given) == expected, given


def test_what_is_ahead() -> None:
    words = Wording("en", wording.parse("2026-11-25T15:00:00.000Z"))
    assert words.until("2026-11-28T19:00:00.500Z") == "in 3 d 4 h"
    assert words.until("2026-11-25T15:00:12.100Z") == "in 13 s"
    assert words.until("2026-11-25T15:00:00.000Z") == "now"
