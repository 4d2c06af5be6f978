"""Reports about a task: transitions, what sticks, what is silent."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from app.errors import Refused
from app.models import TaskPatch
from app.rules.task import STATUSES, TERMINAL, Task, event_data
from app.rules.update import decide_patch
from tests.rules.builders import CLOCK, LATER, patch, task

REFUSED = None


@pytest.mark.parametrize(
    ("before", "wanted", "after", "event"),
    [
        ("pending", "pending", "pending", None),
        ("pending", "running", "running", "TASK_STATUS_CHANGED"),
        ("pending", "completed", "completed", "TASK_COMPLETED"),
        ("pending", "failed", "failed", "TASK_FAILED"),
        ("pending", "cancelled", "cancelled", "TASK_CANCELLED"),
        ("running", "pending", REFUSED, None),
        ("running", "running", "running", None),
        ("running", "completed", "completed", "TASK_COMPLETED"),
        ("running", "failed", "failed", "TASK_FAILED"),
        ("running", "cancelled", "cancelled", "TASK_CANCELLED"),
        ("stalled", "pending", REFUSED, None),
        ("stalled", "running", "running", "TASK_STATUS_CHANGED"),
        ("stalled", "completed", "completed", "TASK_COMPLETED"),
        ("stalled", "failed", "failed", "TASK_FAILED"),
        ("stalled", "cancelled", "cancelled", "TASK_CANCELLED"),
        *(
            (end, wanted, end if end == wanted else REFUSED, None)
            for end in sorted(TERMINAL)
            for wanted in STATUSES
            if wanted != "stalled"
        ),
    ],
)
def test_transition(before: str, wanted: Any, after: str | None, event: str | None) -> None:
    start = task(before)
    if after is REFUSED:
        with pytest.raises(Refused):
            patch(start, status=wanted)
        return
    decision = patch(start, status=wanted)
    assert decision.task.status == after
    assert decision.event == event
    assert decision.task.version == start.version + (event is not None)
    assert (decision.task.finished_at is not None) == (after in TERMINAL)
    assert decision.lifecycle == (None if event is None else after in TERMINAL)


@pytest.mark.parametrize("report", [{"progress": 5.0}, {"current": 1.0}, {"message": "copying"}])
@pytest.mark.parametrize(
    ("before", "after"), [("pending", "running"), ("running", "running"), ("stalled", "running")]
)
def test_who_reports_is_alive(before: str, after: str, report: dict[str, Any]) -> None:
    decision = patch(task(before), **report)
    assert decision.task.status == after
    expected = "TASK_UPDATED" if before == after else "TASK_STATUS_CHANGED"
    assert decision.event == expected


def test_a_queued_task_is_not_started_by_a_report() -> None:
    assert patch(task("pending", claimable=1), progress=5.0).task.status == "pending"


@pytest.mark.parametrize("report", [{"priority": 5}, {"labels": {"host": "a"}}])
@pytest.mark.parametrize("status", STATUSES)
def test_arranging_works_at_any_time_and_starts_nothing(
    status: str, report: dict[str, Any]
) -> None:
    decision = patch(task(status), **report)
    assert decision.task.status == status
    assert decision.event == "TASK_UPDATED"


@pytest.mark.parametrize(
    "report",
    [
        {"progress": 40.0},
        {"message": "still here"},
        {"current": 3.0, "total": 5.0},
        {"result": "1"},
        {"error": "late"},
        {"worker": "w"},
    ],
)
@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_a_late_report_is_refused(end: str, report: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="finished"):
        patch(task(end), **report)


def test_the_end_said_twice_changes_nothing_even_with_other_words() -> None:
    first = patch(task(), status="failed", error="disk full").task
    again = patch(first, status="failed", error="something else")
    assert again.event is None
    assert again.task == first


def test_completion_is_100_and_failure_keeps_the_last_progress() -> None:
    half = patch(task(), progress=50.0).task
    assert patch(half, status="completed", progress=60.0).task.progress == 100
    assert patch(half, status="failed").task.progress == 50
    assert patch(half, status="failed", progress=75.0).task.progress == 75
    assert patch(half, status="cancelled").task.progress == 50


def test_a_task_that_ends_at_once_has_started() -> None:
    done = patch(task("pending"), status="completed").task
    assert (done.started_at, done.finished_at) == (LATER, LATER)
    assert patch(task("pending"), status="cancelled").task.started_at is None


def test_nothing_new_is_no_event() -> None:
    before = task(message="copying", progress=40.0)
    for report in ({"message": "copying"}, {"progress": 40.0}, {"progress": 30.0}, {}):
        decision = patch(before, **report)
        assert decision.event is None
        assert decision.task.version == before.version


def test_the_fence_keeps_an_earlier_attempt_out() -> None:
    with pytest.raises(Refused, match="attempt 2"):
        patch(task(attempt=2), progress=5.0, attempt=1)
    assert patch(task(attempt=2), progress=5.0, attempt=2).event == "TASK_UPDATED"


def test_a_report_is_a_sign_of_life() -> None:
    before = task(heartbeat_timeout=60.0)
    decision = patch(before, CLOCK + 30, progress=1.0)
    assert decision.task.heartbeat_due == CLOCK + 90
    assert patch(before, CLOCK + 0.5, progress=1.0).task.heartbeat_due == CLOCK + 60
    assert patch(before, CLOCK + 30, status="completed").task.heartbeat_due is None
    silent = patch(before, CLOCK + 30, progress=None)
    assert (silent.event, silent.task.heartbeat_at) == (None, LATER)


def test_a_timeout_given_with_a_report_counts_at_once() -> None:
    decision = patch(task("pending"), status="running", heartbeat_timeout=30.0)
    assert decision.task.heartbeat_due == CLOCK + 30
    off = patch(decision.task, heartbeat_timeout=None)
    assert off.task.heartbeat_due is None


def test_event_data_has_the_changes_and_what_is_always_there() -> None:
    decision = patch(task(attempt=3), status="failed", error="disk full", result="[1]")
    assert event_data(decision) == {
        "id": 42,
        "version": 2,
        "status": "failed",
        "progress": None,
        "retry_count": 2,
        "error": "disk full",
        "finished_at": LATER,
        "updated_at": LATER,
    }
    assert decision.message == "failed: disk full"
    labelled = patch(task(), labels={"host": "a"})
    assert event_data(labelled)["labels"] == {"host": "a"}


@pytest.mark.parametrize("error", ["", " \n ", "\n\x0b\n", "a\nb\n"])
def test_any_error_text_makes_a_message(error: str) -> None:
    assert patch(task(), status="failed", error=error).message.startswith("failed")


REPORTS = [
    TaskPatch(status="running"),
    TaskPatch(progress=10.0),
    TaskPatch(progress=40.0),
    TaskPatch(current=3.0, total=5.0),
    TaskPatch(status="completed"),
]


def _deliver(start: Task, reports: list[TaskPatch]) -> list[Task]:
    states = [start]
    for report in reports:
        try:
            states.append(decide_patch(states[-1], report, LATER, CLOCK).task)
        except Refused:
            continue
    return states


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(REPORTS)))))
def test_any_order_of_deliveries_ends_completed(order: tuple[int, ...]) -> None:
    states = _deliver(task("pending"), [REPORTS[index] for index in order])
    assert (states[-1].status, states[-1].progress) == ("completed", 100)
    _never_back(states)


def test_shuffled_and_duplicated_deliveries_never_go_back() -> None:
    rng = random.Random(13)
    ends = [TaskPatch(status="failed"), TaskPatch(status="cancelled")]
    for _ in range(300):
        reports = [*REPORTS, *REPORTS, *ends]
        rng.shuffle(reports)
        _never_back(_deliver(task("pending"), reports))


def _never_back(states: list[Task]) -> None:
    for before, after in itertools.pairwise(states):
        if before.status in TERMINAL:
            assert after == before
        assert after.version - before.version in (0, 1)
        assert after.progress is None or 0 <= after.progress <= 100
        if before.progress is not None:
            assert after.progress is not None
            assert after.progress >= before.progress
