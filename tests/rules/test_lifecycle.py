"""Create, cancel, retry, delete, heartbeats and output, as tables."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from app.errors import Refused
from app.models import TaskCreate
from app.rules.lifecycle import (
    decide_cancel,
    decide_create,
    decide_delete,
    decide_heartbeat,
    decide_output,
    decide_retry,
    decide_stall,
)
from app.rules.task import STATUSES, TERMINAL, duration_seconds, task_json
from tests.rules.builders import CLOCK, LATER, NOW, task


@pytest.mark.parametrize(
    ("status", "started", "finished", "progress"),
    [
        ("pending", None, None, 40),
        ("running", NOW, None, 40),
        ("completed", NOW, NOW, 100),
        ("failed", NOW, NOW, 40),
        ("cancelled", None, NOW, 40),
    ],
)
def test_create(status: str, started: str | None, finished: str | None, progress: float) -> None:
    command = TaskCreate(name=" backup ", status=status, current=2.0, total=5.0)  # type: ignore[arg-type]
    decision = decide_create(command, NOW, CLOCK)
    made = decision.task
    assert (made.name, made.status, made.version, made.attempt) == ("backup", status, 1, 1)
    assert (made.started_at, made.finished_at, made.progress) == (started, finished, progress)
    assert decision.event == "TASK_CREATED"
    assert decision.lifecycle == (status in TERMINAL)


@pytest.mark.parametrize(
    ("status", "listens", "force", "after"),
    [
        ("pending", False, False, "cancelled"),
        ("pending", True, False, "cancelled"),
        ("running", False, False, "cancelled"),
        ("running", True, False, "running"),
        ("running", True, True, "cancelled"),
        ("stalled", True, False, "cancelled"),
    ],
)
def test_cancel(status: str, listens: bool, force: bool, after: str) -> None:
    before = task(status, heartbeat_timeout=60.0 if listens else None)
    decision = decide_cancel(before, force, LATER)
    assert decision.task.status == after
    asked = after == "running"
    assert decision.task.cancel_requested == asked
    assert decision.event == ("TASK_UPDATED" if asked else "TASK_CANCELLED")
    if asked:
        assert decide_cancel(decision.task, False, LATER).event is None


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_the_finished_cannot_be_cancelled(status: str) -> None:
    with pytest.raises(Refused, match="nothing to cancel"):
        decide_cancel(task(status), True, LATER)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("claimable", [0, 1])
def test_retry(status: str, claimable: int) -> None:
    before = task(status, claimable=claimable, progress=40.0, error="disk full", worker="w")
    if status not in TERMINAL:
        with pytest.raises(Refused, match="only a finished task"):
            decide_retry(before, LATER)
    elif not claimable:
        with pytest.raises(Refused, match="run the command again"):
            decide_retry(before, LATER)
    else:
        decision = decide_retry(before, LATER)
        after = decision.task
        assert (after.status, after.attempt, after.version) == ("pending", 2, 2)
        assert (after.progress, after.error, after.worker) == (None, None, None)
        assert (after.started_at, after.finished_at) == (None, None)
        assert (decision.event, decision.lifecycle) == ("TASK_STATUS_CHANGED", False)


@pytest.mark.parametrize("status", STATUSES)
def test_anything_can_be_deleted(status: str) -> None:
    decision = decide_delete(task(status), LATER)
    assert (decision.event, decision.lifecycle) == ("TASK_DELETED", True)
    assert decision.task.version == 2


@pytest.mark.parametrize(
    ("status", "after", "event"),
    [
        ("pending", "pending", None),
        ("running", "running", None),
        ("stalled", "running", "TASK_STATUS_CHANGED"),
        ("completed", "completed", None),
    ],
)
def test_heartbeat(status: str, after: str, event: str | None) -> None:
    decision = decide_heartbeat(task(status, heartbeat_timeout=60.0), 1, LATER, CLOCK + 10)
    assert (decision.task.status, decision.event) == (after, event)
    assert decision.task.version == (2 if event else 1)
    if after == "running":
        assert decision.task.heartbeat_at == LATER
        assert decision.task.heartbeat_due == CLOCK + 70


@pytest.mark.parametrize(
    ("status", "claimable", "after"),
    [
        ("pending", 0, "running"),
        ("pending", 1, "pending"),
        ("running", 0, "running"),
        ("stalled", 0, "running"),
        ("failed", 0, "failed"),
    ],
)
def test_output_starts_and_revives(status: str, claimable: int, after: str) -> None:
    decision = decide_output(task(status, claimable=claimable), UNSET, LATER, CLOCK)
    assert decision.task.status == after
    assert decision.event == ("TASK_STATUS_CHANGED" if after != status else None)


def test_an_earlier_attempt_is_fenced_out() -> None:
    for decide in (decide_heartbeat, decide_output):
        with pytest.raises(Refused, match="another attempt"):
            decide(task(attempt=2), 1, LATER, CLOCK)


def test_a_stalled_task_stops_its_clock() -> None:
    decision = decide_stall(task(heartbeat_timeout=60.0, heartbeat_at=LATER), LATER)
    assert (decision.task.status, decision.task.heartbeat_due) == ("stalled", None)
    assert duration_seconds(decision.task, "2026-11-26T15:00:00.000Z") == 10


def test_durations() -> None:
    assert duration_seconds(task("pending"), LATER) is None
    assert duration_seconds(task("running"), LATER) == 10
    assert duration_seconds(task("completed", finished_at=LATER), "2027-01-01T00:00:00Z") == 10
    assert duration_seconds(task("running", started_at=LATER), NOW) == 0  # the clock stepped back


def test_task_json_has_all_keys_in_the_order_of_the_contract() -> None:
    whole = [
        *("id", "name", "queue", "status", "progress", "current", "total", "unit", "message"),
        *("payload", "result", "error", "labels", "priority", "claimable", "attempt"),
        *("retry_count", "max_retries", "run_at", "created_at", "updated_at", "started_at"),
        *("finished_at", "heartbeat_at", "heartbeat_timeout", "worker", "cancel_requested"),
        *("rate", "eta_seconds", "duration_seconds", "version"),
    ]
    assert list(task_json(task(), LATER)) == whole
    rows = [key for key in whole if key not in ("payload", "result")]
    assert list(task_json(task(), LATER, whole=False)) == rows
