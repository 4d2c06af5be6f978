"""Request bodies and queries, with their limits.

Decoding checks types, ranges and unknown fields; `__post_init__` what a type cannot say. A wrong
field raises `Unprocessable`, which names it and its limit.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from app.errors import Unprocessable

MOST = 1e15  # of current and total: below it a double still counts by one
JSON_LIMIT = 1024 * 1024  # bytes of payload, result or a notice's data
FIELDS_LIMIT = 16 * 1024  # bytes of a log line's structured fields
JSON_DEPTH = 64  # nested arrays and objects in them
ERROR_LIMIT = 64 * 1024  # bytes of UTF-8
BULK_LIMIT = 1000  # tasks in one request

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\s*[\r\n]+\s*")

Progress = Annotated[float, Meta(ge=0, le=100, description="percent")]
Count = Annotated[float, Meta(ge=0, le=MOST)]
Timeout = Annotated[float, Meta(ge=5, le=86_400, description="seconds")]
Priority = Annotated[int, Meta(ge=-1000, le=1000)]
Attempt = Annotated[int, Meta(ge=1, le=2**31)]
Unit = Annotated[str, Meta(max_length=32)]
Worker = Annotated[str, Meta(max_length=200)]
Message = Annotated[str, Meta(max_length=1000)]
Queue = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
LabelKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
LabelValue = Annotated[str, Meta(max_length=256)]
Labels = Annotated[dict[LabelKey, LabelValue], Meta(max_length=32)]
Producer = Annotated[str, Meta(min_length=1, max_length=64)]
Batch = Annotated[int, Meta(ge=1, le=2**53)]
TaskId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Level = Literal["trace", "debug", "info", "warning", "error", "critical"]
LineNumber = Annotated[int, Meta(ge=1, le=2**53)]
Moment = Annotated[datetime, Meta(tz=True)]
Status = Literal["pending", "running", "stalled", "completed", "failed", "cancelled"]
GivenStatus = Literal["pending", "running", "completed", "failed", "cancelled"]


class Body(Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of all request bodies."""


class TaskCreate(Body):
    """A new task. Terminal statuses are allowed, for importing what has already happened."""

    name: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 200})]
    queue: Queue = "default"
    status: GivenStatus = "pending"
    progress: Progress | None = None
    current: Count | None = None
    total: Count | None = None
    unit: Unit | None = None
    message: Message | None = None
    payload: Any = None  # JSON text (or None) once decoded, as are result and labels below
    result: Any = None
    error: str | None = None
    labels: Labels = {}
    priority: Priority = 0
    claimable: bool = False
    max_retries: Annotated[int, Meta(ge=0, le=100)] = 0
    run_at: Moment | None = None
    heartbeat_timeout: Timeout | None = None
    worker: Worker | None = None

    def __post_init__(self) -> None:
        check_moment("run_at", self.run_at)
        self.name = self.name.strip()
        if not 1 <= len(self.name) <= 200:
            raise Unprocessable.field("name", "limit.characters.from_to", least=1, most=200)
        if _CONTROL.search(self.name):
            raise Unprocessable.field("name", "limit.control")
        if self.queue in (".", ".."):
            raise Unprocessable.field("queue", "limit.dots")
        if self.message is not None:
            self.message = one_line(self.message)
        check_texts(self.unit, self.message, self.error, self.worker)
        check_labels(self.labels)
        self.payload = json_text("payload", self.payload)
        self.result = json_text("result", self.result)


class TaskPatch(Body):
    """A report about a task; fields that are not given stay as they are."""

    status: GivenStatus | UnsetType = UNSET
    progress: Progress | UnsetType | None = UNSET
    current: Count | UnsetType | None = UNSET
    total: Count | UnsetType | None = UNSET
    unit: Unit | UnsetType | None = UNSET
    message: Message | UnsetType | None = UNSET
    result: Any = UNSET
    error: str | UnsetType | None = UNSET
    labels: Labels | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    heartbeat_timeout: Timeout | UnsetType | None = UNSET
    worker: Worker | UnsetType | None = UNSET
    attempt: Attempt | UnsetType = UNSET  # refused with 409 when the task is at another attempt

    def __post_init__(self) -> None:
        if self.message:
            self.message = one_line(self.message)
        check_texts(self.unit, self.message, self.error, self.worker)
        if self.labels is not UNSET:
            check_labels(self.labels)
        if self.result is not UNSET:
            self.result = json_text("result", self.result)


class BulkPatch(Body):
    """Reports about many tasks; each item is `TaskPatch` with an `id`, and has its own result."""

    updates: Annotated[list[Any], Meta(min_length=1, max_length=BULK_LIMIT)]


class Cancel(Body):
    """`force` ends the task without asking its producer."""

    force: bool = False


class Heartbeat(Body):
    """A sign of life."""

    attempt: Attempt | UnsetType = UNSET


class Empty(Body):
    """No fields."""


class TaskFilter(Body):
    """Which tasks an action is for; all given conditions hold together."""

    status: list[Status] = []
    queue: list[Queue] = []
    label: list[str] = []  # "key:value", or "key" for any value
    q: str | None = None  # part of the name
    since: Moment | None = None  # created at or after
    until: Moment | None = None  # created before

    def __post_init__(self) -> None:
        check_moment("since", self.since)
        check_moment("until", self.until)


class BatchAction(Body):
    """One action on many tasks, by their ids or by a filter; `dry_run` only counts."""

    action: Literal["cancel", "retry", "delete"]
    ids: Annotated[list[TaskId], Meta(max_length=BULK_LIMIT)] | UnsetType = UNSET
    filter: TaskFilter | UnsetType = UNSET
    dry_run: bool = False

    def __post_init__(self) -> None:
        if (self.ids is UNSET) == (self.filter is UNSET):
            raise Unprocessable.field("ids", "limit.either", one="ids", other="filter")


class LogLineIn(Body):
    """One line as a producer sends it. `line` is its own number for it, `time` its own clock's.

    A record of a download is taken as it is: `sent_at`, or else `time`, becomes the producer's
    time; `n`, `attempt` and `task_id` are given anew.
    """

    text: str
    stream: Annotated[str, Meta(min_length=1, max_length=64)] = "stdout"
    level: Level | None = None
    time: Moment | None = None
    line: LineNumber | None = None
    fields: dict[str, Any] | None = None  # structured ones of a logger, at most 16 KiB of JSON
    sent_at: Moment | None = None
    n: LineNumber | None = None
    attempt: Attempt | None = None
    task_id: TaskId | None = None

    def __post_init__(self) -> None:
        if self.sent_at is not None:
            self.time = self.sent_at
        if self.time is not None:
            check_moment("time" if self.sent_at is None else "sent_at", self.time)
        if self.fields is not None:
            encode_fields(self.fields)


class LogAppend(Body):
    """Lines in order. `producer` and `batch` together make a repeated delivery harmless."""

    lines: Annotated[list[LogLineIn], Meta(max_length=50_000)]
    producer: Producer | None = None
    batch: Batch | None = None
    attempt: Attempt | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_producer(self.producer, self.batch)
        if self.producer is None and any(line.line is not None for line in self.lines):
            raise Unprocessable.field("producer", "limit.producer.lines")


class RecordStream(Body):
    """Query of a streamed append of NDJSON, whose records say the rest."""

    producer: Producer | None = None
    batch: Batch | None = None
    attempt: Attempt | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_producer(self.producer, self.batch)


class TextStream(RecordStream):
    """Query of a streamed append of text."""

    stream: Annotated[str, Meta(min_length=1, max_length=64)] = "stdout"
    level: Level | None = None


class Notice(Body):
    """A producer's own event."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    message: Message = ""
    level: Literal["info", "success", "warning", "danger"] = "info"
    task_id: TaskId | None = None
    data: Any = None

    def __post_init__(self) -> None:
        self.message = one_line(self.message)
        check_texts(self.name, self.message)
        if _CONTROL.search(self.name):
            raise Unprocessable.field("name", "limit.control")
        json_text("data", self.data)


class TaskQuery(TaskFilter):
    """Query of the task list."""

    sort: Literal[
        "active", "id", "-id", "name", "-name", "updated_at", "-updated_at", "progress", "-progress"
    ] = "active"
    limit: Annotated[int, Meta(ge=1, le=500)] = 50
    page: str | None = None  # the `next` of the page before


class LineFilter(Body):
    """Which lines of logs: by level, stream, time and text."""

    level: list[Level] = []
    stream: list[str] = []
    since: Moment | None = None  # arrived at or after
    until: Moment | None = None  # arrived before
    q: str | None = None  # literal text, or a regular expression
    ignore_case: bool = False
    regex: bool = False

    def __post_init__(self) -> None:
        check_moment("since", self.since)
        check_moment("until", self.until)


class LogFilter(LineFilter):
    """Which lines of one log."""

    to: LineNumber | None = None  # the last one to look at


class LogIndexQuery(LogFilter):
    """Query of the index: which part of the log to look at."""

    from_: LineNumber | None = msgspec.field(name="from", default=None)


class LogQuery(LogFilter):
    """Query of the log: lines from a number on, or the newest `tail`."""

    from_: LineNumber | None = msgspec.field(name="from", default=None)
    limit: Annotated[int, Meta(ge=1, le=5000)] = 1000
    tail: Annotated[int, Meta(ge=0, le=5000)] | None = None
    mark: str | None = None  # as q, but only to show where it occurs
    format: Literal["json", "text", "ndjson"] = "json"
    raw: bool | None = None  # of a download: with escape sequences; default: only NDJSON

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.from_ is not None and self.tail is not None:
            raise Unprocessable.field("tail", "limit.either", one="from", other="tail")


class AllLogsFilter(LineFilter):
    """Which lines of all logs."""

    task: list[TaskId] = []
    queue: list[Queue] = []


class AllLogsQuery(AllLogsFilter):
    """Query of all logs: back from a place (default: from the newest), or on from one."""

    before: str | None = None  # TIME,TASK,N
    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=5000)] = 500
    mark: str | None = None  # as q, but only to show where it occurs
    format: Literal["json", "text", "ndjson"] = "json"
    raw: bool | None = None  # of a download: with escape sequences; default: only NDJSON

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.before is not None and self.after is not None:
            raise Unprocessable.field("after", "limit.either", one="before", other="after")
        if self.before is not None and self.format != "json":
            raise Unprocessable.field("before", "limit.before")


class MatchesQuery(AllLogsFilter):
    """Query of the counts by task."""

    page: str | None = None  # the `next` of the page before


class HeartbeatQuery(Body):
    """`wait`: seconds to wait for a cancellation."""

    wait: Annotated[float, Meta(ge=0, le=25)] = 0


def one_line(text: str) -> str:
    """Line ends become single spaces: a message is one line."""
    return _LINE_ENDS.sub(" ", text).strip() if "\n" in text or "\r" in text else text


def encode_fields(fields: dict[str, Any]) -> str:
    """Structured fields of a line as JSON text. Raises Unprocessable when they are too large."""
    text = json_text("fields", fields) or "{}"
    if len(text.encode()) > FIELDS_LIMIT:
        raise Unprocessable.field("fields", "limit.json", most=f"{FIELDS_LIMIT // 1024} KiB")
    return text


def json_text(field: str, value: Any) -> str | None:
    """A JSON value as text, None for null. Raises Unprocessable when it is too large or deep."""
    if value is None:
        return None
    if _deeper(value, JSON_DEPTH):
        raise Unprocessable.field(field, "limit.nested", most=JSON_DEPTH)
    data = msgspec.json.encode(value)
    if len(data) > JSON_LIMIT:
        raise Unprocessable.field(field, "limit.json", most=f"{JSON_LIMIT // 2**20} MiB")
    return data.decode()


def check_texts(*texts: str | UnsetType | None) -> None:
    """No NUL or lone surrogate in any of them, and the longest one (an error) within its limit."""
    for text in texts:
        if not text:
            continue
        if _UNSTORABLE.search(text):
            raise Unprocessable("problem.unstorable")
        if len(text) > ERROR_LIMIT // 4 and len(text.encode()) > ERROR_LIMIT:
            raise Unprocessable.field("error", "limit.bytes", most=f"{ERROR_LIMIT // 1024} KiB")


def check_labels(labels: dict[str, str]) -> None:
    """No control characters in label values."""
    for key, value in labels.items():
        if _CONTROL.search(value):
            raise Unprocessable.field(f"labels.{key}", "limit.control")


def check_producer(producer: str | None, batch: int | None) -> None:
    """A batch number means nothing without its producer, whose name is one line."""
    if batch is not None and producer is None:
        raise Unprocessable.field("producer", "limit.producer.batch")
    if producer is not None and _CONTROL.search(producer):
        raise Unprocessable.field("producer", "limit.control")


def check_moment(field: str, moment: datetime | None) -> None:
    """A time that can be written in UTC: its zone may lead out of the years there are."""
    try:
        if moment is not None:
            moment.astimezone(UTC)
    except OverflowError:
        raise Unprocessable.field(field, "limit.years") from None


def rfc3339(moment: datetime) -> str:
    """A time with zone as stored: UTC, milliseconds, Z."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_deeper(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper(item, levels - 1) for item in value)
    return False
