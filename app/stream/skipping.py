"""For a client that asked for it and cannot keep up: ranges in place of the log lines themselves.

What it then looks at it reads from the log; all other events it gets as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from app.event import Event, Span

WAITING = 256 * 1024  # bytes of log data waiting for a client, beyond which lines are left out
NEWEST = 64 * 1024  # bytes of the newest that are sent all the same


def without_lines(events: Sequence[Event], keep: int = 0) -> list[Event]:
    """The events with LOG events as ranges, but for the newest of less than `keep` bytes.

    Ranges of one log that follow each other are joined, under the id of the last.
    """
    rest = len(events)
    while rest:
        event = events[rest - 1]
        if event.span is not None:
            keep -= len(event.data)
            if keep <= 0:
                break
        rest -= 1
    found: list[tuple[Event, Span | None]] = []
    for event in events[:rest]:
        span = event.span
        if span is not None and found:
            before, earlier = found[-1]
            if earlier is not None and before.task_id == event.task_id and earlier.touches(span):
                span = earlier.joined(span)
                found.pop()
        found.append((event, span))
    ranges = [event if span is None else _range(event, span) for event, span in found]
    return ranges + list(events[rest:])


def lag(events: Sequence[Event]) -> int:
    """Bytes of log data in these events."""
    return sum(len(event.data) for event in events if event.span is not None)


def _range(event: Event, span: Span) -> Event:
    """A LOG event that names its lines only."""
    data: dict[str, Any] = {
        "task_id": event.task_id,
        "attempt": span.attempt,
        "from": span.first,
        "to": span.last,
        "lines": [],
    }
    return Event(
        event.seq,
        event.id,
        event.type,
        event.timestamp,
        event.message,
        msgspec.json.encode(data),
        event.task_id,
        None,
        span=span,
    )
