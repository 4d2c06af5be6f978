"""The server's clock as stored and sent: RFC 3339, UTC, milliseconds, ``Z``."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Unix seconds as ``2026-11-25T15:00:00.123Z``."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def now() -> tuple[float, str]:
    """Unix seconds, and the same as text."""
    seconds = time.time()
    return seconds, rfc3339(seconds)
