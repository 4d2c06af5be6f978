"""JSON that stays one line, also for readers that split lines as Python's `splitlines` does.

JSON escapes control characters, but not the three others at which such readers of event streams
and of NDJSON, httpx among them, cut a line in two.
"""

from __future__ import annotations

_BREAKS = {b"\xc2\x85": rb"\u0085", b"\xe2\x80\xa8": rb"\u2028", b"\xe2\x80\xa9": rb"\u2029"}


def json_line(data: bytes) -> bytes:
    """The same JSON with U+0085, U+2028 and U+2029 escaped."""
    for character, escape in _BREAKS.items():
        data = data.replace(character, escape)
    return data
