"""One event of the log, in memory: shared by every subscriber, encoded once."""

from __future__ import annotations

import msgspec

SYSTEM, LOGS = "system", "logs"

# Types that a stream may name; nothing a user sends ever becomes one.
TYPES = (
    "TASK_CREATED",
    "TASK_UPDATED",
    "TASK_STATUS_CHANGED",
    "TASK_COMPLETED",
    "TASK_FAILED",
    "TASK_CANCELLED",
    "TASK_DELETED",
    "WORKER_UPDATED",
    "NOTICE",
    "LOG",
)


class LogLine(msgspec.Struct, omit_defaults=True, gc=False):
    """One stored line; ``n`` counts from 1 within its task. What it does not have is left out."""

    n: int
    time: str
    level: str | None
    stream: str
    text: str
    attempt: int = 1
    sent_at: str | None = None  # by the producer's own clock
    sgr: str = ""  # colours in force at its start, app.ansi.carry
    fields: msgspec.Raw | None = None  # a logger's structured fields, JSON object
    hits: list[tuple[int, int]] | None = None  # in UTF-16 units of its plain text
    task_id: int | None = None  # where lines of several logs are together


class Span(msgspec.Struct, frozen=True):
    """The lines of a LOG event, by number; how the event is stored."""

    attempt: int
    first: int = msgspec.field(name="from")
    last: int = msgspec.field(name="to")

    def touches(self, later: Span) -> bool:
        """Whether the two are one range together."""
        return (
            self.attempt == later.attempt
            and later.first <= self.last + 1
            and later.last >= self.first - 1
        )

    def joined(self, later: Span) -> Span:
        """That range."""
        return Span(self.attempt, min(self.first, later.first), max(self.last, later.last))


class Event:
    """``seq`` is the place in the log, ``id`` the cursor that names it, ``data`` JSON bytes.

    ``lifecycle``: True when the event ends its task (terminal or deleted), False when the task
    lives (again), None when it says nothing about that. ``span``: of a LOG event, its lines.
    """

    __slots__ = (
        "data",
        "id",
        "lifecycle",
        "message",
        "queue",
        "seq",
        "span",
        "sse",
        "task_id",
        "timestamp",
        "type",
    )

    def __init__(
        self,
        seq: int,
        id: str,
        type: str,
        timestamp: str,
        message: str,
        data: bytes,
        task_id: int | None,
        queue: str | None,
        lifecycle: bool | None = None,
        span: Span | None = None,
    ) -> None:
        self.seq = seq
        self.id = id
        self.type = type
        self.timestamp = timestamp
        self.message = message
        self.data = data
        self.task_id = task_id
        self.queue = queue
        self.lifecycle = lifecycle
        self.span = span
        self.sse: bytes | None = None  # filled by app.stream.encoding, on first use

    @property
    def topic(self) -> str:
        return LOGS if self.type == "LOG" else SYSTEM

    @property
    def size(self) -> int:
        """About the bytes this event takes in memory."""
        return 2 * len(self.data) + len(self.message) + 600
