"""The server's clock as stored and sent: RFC 3339, UTC, milliseconds, ``Z``."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)


def rfc3339(seconds: float) -> str:
    """Unix seconds as ``2026-11-25T15:00:00.123Z``."""
    return _text(datetime.fromtimestamp(seconds, UTC))


def now() -> tuple[float, str]:
    """Unix seconds, and the same as text."""
    seconds = time.time()
    return seconds, rfc3339(seconds)


def later_than(moment: str) -> str:
    """The time now; the next millisecond after `moment` where the clock was set back since.

    What was done within this millisecond is not later yet, so that is waited for.
    """
    text = now()[1]
    if text == moment:
        time.sleep(0.001)
        text = now()[1]
    return text if text > moment else _text(datetime.fromisoformat(moment) + MILLISECOND)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
