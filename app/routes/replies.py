"""What routes answer, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.models import Status


class TaskRow(Struct):
    """A task in a list; times are RFC 3339 UTC."""

    id: int
    name: str
    queue: str
    status: Status
    progress: float | None
    current: float | None
    total: float | None
    unit: str | None
    message: str | None
    error: str | None
    labels: dict[str, str]
    priority: int
    claimable: bool
    attempt: int
    retry_count: int
    max_retries: int
    run_at: str | None
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None
    heartbeat_at: str | None
    heartbeat_timeout: float | None
    worker: str | None
    cancel_requested: bool
    rate: float | None
    eta_seconds: float | None
    duration_seconds: float | None
    version: int


class TaskReply(TaskRow):
    """A task with all it holds."""

    payload: Any
    result: Any


class PollReply(Struct):
    """Events after the cursor, and the next cursor; `reset`: why the one given is not honoured.

    `ended` names topics that will say no more.
    """

    events: list[dict[str, Any]]
    cursor: str
    reset: str | None
    ended: list[str]


class TaskPage(Struct):
    """One page; `next` goes into `page` of the next request, `cursor` into `/events`."""

    tasks: list[TaskRow]
    next: str | None
    cursor: str


class FieldProblem(Struct):
    """A wrong field and its limit."""

    field: str
    message: str


class ProblemReply(Struct):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | UnsetType = UNSET


class ItemResult(Struct):
    """The outcome of one item, by its HTTP status."""

    id: int | None
    status: int
    task: TaskRow | UnsetType = UNSET
    problem: ProblemReply | UnsetType = UNSET


class BulkReply(Struct):
    """One result an item, in their order."""

    results: list[ItemResult]


class BatchReply(Struct):
    """How many tasks were meant, and what became of the first 1000."""

    count: int
    results: list[ItemResult]


class HeartbeatReply(Struct):
    """Whether to stop."""

    cancel_requested: bool
    status: Status
    attempt: int


class StatsReply(Struct):
    """Counts of all six statuses; the names of the queues."""

    counts: dict[str, int]
    queues: list[str]
    cursor: str


class LogLineReply(Struct):
    """A line; `n` counts from 1 within the task. What it does not have is left out.

    `text` is as it was sent, escape sequences included. `sgr`: colours in force at its start, as
    SGR parameters. `hits`: where `mark` occurs, start and end in UTF-16 units of the plain text.
    `sent_at`: by the producer's clock. `fields`: what a logger sent with it.
    """

    n: int
    time: str
    level: str | None
    stream: str
    text: str
    attempt: int | UnsetType = UNSET
    sent_at: str | UnsetType = UNSET
    sgr: str | UnsetType = UNSET
    fields: dict[str, Any] | UnsetType = UNSET
    hits: list[tuple[int, int]] | UnsetType = UNSET


class LogReply(Struct):
    """Lines in order; `total` is the number of the task's last line, `first` of the oldest kept."""

    lines: list[LogLineReply]
    first: int
    total: int
    ended: bool
    cursor: str


class LogIndexReply(Struct):
    """Where matching lines are: `blocks` of first line, last line, matching lines, hits of `q`.

    They ascend without a gap over the `lines` that were looked at; `total` and `hits` are of these.
    `next` goes into `to` of the next request; null: all was looked at. `first` and `last` are those
    of the log.
    """

    total: int
    hits: int
    lines: int
    blocks: list[tuple[int, int, int, int]]
    next: int | None
    first: int
    last: int
    cursor: str


class AllLogsLineReply(LogLineReply, kw_only=True):
    """A line and whose it is."""

    task_id: int


class TaskNameReply(Struct):
    """What a task is called, and its queue."""

    name: str
    queue: str


class AllLogsReply(Struct):
    """Lines of all logs in order; `older` and `newer` are places, `TIME,TASK,N`.

    `older` goes into `before` of the next request, `newer` into `after`. `older` is null when there
    is nothing before. `done`: there is no more on the way this page went (or not yet). `searched`:
    lines looked at. `tasks`: by id, those that have lines here.
    """

    lines: list[AllLogsLineReply]
    older: str | None
    newer: str
    searched: int
    done: bool
    cursor: str
    tasks: dict[str, TaskNameReply]


class MatchesReply(Struct):
    """Counts of matching lines, by task: its id, how many, the number of the newest.

    `searched`: lines looked at. `next` goes into `page` of the next request; null: all was looked
    at. A task whose log was looked at in two parts comes twice.
    """

    total: int
    hits: int
    searched: int
    next: str | None
    tasks: list[tuple[int, int, int]]
    cursor: str


class AppendReply(Struct):
    """`duplicate` is there (and true) for a batch that was already stored."""

    accepted: int
    last: int
    cancel_requested: bool
    duplicate: bool | UnsetType = UNSET


class NoticeReply(Struct):
    """The notice as it was announced."""

    name: str
    message: str
    level: str
    task_id: int | None
    data: Any


class SeenReply(Struct):
    """A request as it arrived; `instance` changes when the server restarts."""

    name: str
    version: str
    instance: str
    http: str
    scheme: str
    host: str
    client: str
    prefix: str
    headers: dict[str, str]


class HeldReply(Struct):
    """`stopping`: it was answered early, because the server stops."""

    waited: float
    stopping: bool


class CheckReply(Struct):
    """One check: `state` is waiting, ok, note, warning or problem; `line` is all of it."""

    name: str
    state: str
    title: str
    text: str
    line: str


class AdviceReply(Struct):
    """Lines to add, and where."""

    name: str
    title: str
    where: str
    lines: str


class VerdictReply(Struct):
    """`state` is waiting, live or degraded; `rung` what the dashboard will use.

    `heartbeat` and `wait` are the seconds it will ask for; `findings` name what is wrong, and
    `advice` is ordered, best first.
    """

    state: str
    rung: str
    heartbeat: float
    wait: float
    complete: bool
    box: str
    findings: list[str]
    headline: str
    explanation: list[str]
    checks: list[CheckReply]
    advice: list[AdviceReply]
    report: str


class HealthReply(Struct):
    """The event loop turns; how full it is, in streams and bytes of the two files."""

    status: str
    version: str
    streams: int
    database_bytes: int
    wal_bytes: int


class ReadyReply(Struct):
    """The database can be read."""

    status: str
