"""Progress, rate and remaining time, with the odd numbers producers send."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from app.rules.progress import percent_of, smooth
from tests.rules.builders import CLOCK, patch, task


@pytest.mark.parametrize(
    ("before", "report", "after"),
    [
        # progress given
        ({}, {"progress": 0.0}, 0),
        ({}, {"progress": 0.1 + 0.2}, 0.1 + 0.2),
        ({}, {"progress": 100.0}, 100),
        ({"progress": 40.0}, {"progress": 30.0}, 40),
        ({"progress": 40.0}, {"progress": None}, None),
        ({"progress": 40.0}, {}, 40),
        # from current and total
        ({}, {"current": 0.0, "total": 5.0}, 0),
        ({}, {"current": 1.0, "total": 3.0}, 33.33),
        ({}, {"current": 29.0, "total": 100.0}, 29),
        ({}, {"current": 5.0, "total": 5.0}, 100),
        ({}, {"current": 7.0, "total": 5.0}, 100),
        ({}, {"current": 99_999.0, "total": 100_000.0}, 99.99),
        ({}, {"current": 1e15, "total": 1e15}, 100),
        ({"current": 1.0, "total": 4.0, "progress": 25.0}, {"current": 2.0}, 50),
        # unknown total
        ({}, {"current": 5.0, "total": 0.0}, None),
        ({}, {"current": 0.0, "total": 0.0}, None),
        ({}, {"current": 5.0}, None),
        ({"current": 1.0, "total": 4.0, "progress": 25.0}, {"total": None}, None),
        ({"progress": 25.0}, {"current": 3.0}, 25),
        # a total that changes
        ({"current": 2.0, "total": 4.0, "progress": 50.0}, {"total": 8.0}, 50),
        ({"current": 2.0, "total": 4.0, "progress": 50.0}, {"total": 1.0}, 100),
        # explicit progress wins
        ({}, {"current": 1.0, "total": 4.0, "progress": 60.0}, 60),
        ({}, {"current": 1.0, "total": 0.0, "progress": 60.0}, 60),
    ],
)
def test_progress(before: dict[str, Any], report: dict[str, Any], after: float | None) -> None:
    assert patch(task(**before), **report).task.progress == after


@pytest.mark.parametrize(
    ("report", "current", "total"),
    [
        ({"current": 3.0}, 5, 10),  # late
        ({"current": 3.0, "total": 10.0}, 5, 10),  # late
        ({"current": 6.0}, 6, 10),
        ({"current": 1.0, "total": 20.0}, 1, 20),  # a new phase
        ({"current": None}, None, 10),
    ],
)
def test_a_count_does_not_go_back_within_a_phase(
    report: dict[str, Any], current: float | None, total: float
) -> None:
    after = patch(task(current=5.0, total=10.0, progress=50.0), **report).task
    assert (after.current, after.total) == (current, total)
    assert after.progress == max(50.0, percent_of(current or 0.0, total))


def _run(steps: int, every: float, **step: float) -> Any:
    """A running task that reports `step` more of each field every so many seconds."""
    now = task("running", **dict.fromkeys(step, 0.0), total=1000.0)
    now.sampled_from = now.sampled_at = CLOCK
    for index in range(1, steps + 1):
        report = {field: index * size for field, size in step.items()}
        now = patch(now, CLOCK + index * every, **report).task
    return now


def test_a_steady_rate_is_right_from_the_second_sample() -> None:
    for steps in (1, 2, 10, 100):
        done = _run(steps, 0.5, current=2.0)
        assert done.rate == pytest.approx(4.0, rel=1e-3)
        assert done.eta_seconds == pytest.approx((1000 - 2 * steps) / 4, abs=0.11)


def test_eta_from_progress_alone() -> None:
    before = task(progress=0.0, sampled_from=CLOCK, sampled_at=CLOCK)
    after = patch(before, CLOCK + 10, progress=20.0).task
    assert after.rate is None
    assert after.eta_seconds == pytest.approx(40, abs=0.1)


def test_samples_of_one_instant_give_no_infinite_rate() -> None:
    now = task(current=0.0, total=100.0, sampled_from=CLOCK, sampled_at=CLOCK)
    for index in range(1, 50):
        now = patch(now, CLOCK, current=float(index)).task
    assert now.rate is None
    assert patch(now, CLOCK + 10, current=60.0).task.rate == pytest.approx(1.1, rel=0.1)


def test_a_clock_set_back_is_a_new_beginning() -> None:
    before = task(current=1.0, total=9.0, rate=1.0, sampled_from=CLOCK, sampled_at=CLOCK)
    after = patch(before, CLOCK - 100, current=2.0).task
    assert (after.sampled_from, after.sampled_at) == (CLOCK - 100, CLOCK - 100)


def test_what_would_take_ten_years_is_unknown() -> None:
    before = task(current=0.0, total=1e15, sampled_from=CLOCK, sampled_at=CLOCK)
    assert patch(before, CLOCK + 1, current=1.0).task.eta_seconds is None


@pytest.mark.parametrize("current", [100.0, 130.0])
def test_a_task_that_has_counted_all_promises_no_end(current: float) -> None:
    before = task(current=50.0, total=100.0, sampled_from=CLOCK, sampled_at=CLOCK)
    after = patch(before, CLOCK + 10, current=current).task
    assert (after.progress, after.eta_seconds) == (100, None)


def test_a_finished_task_has_no_rate() -> None:
    done = patch(_run(3, 1.0, current=1.0), status="completed").task
    assert (done.rate, done.speed, done.eta_seconds) == (None, None, None)


_numbers = st.none() | st.floats(0, 1e15, allow_nan=False)
_reports = st.tuples(
    st.just(UNSET) | st.none() | st.floats(0, 100), st.just(UNSET) | _numbers, _numbers
)


@given(st.lists(st.tuples(_reports, st.floats(-5, 1e6))))
def test_nothing_ever_leaves_its_range(steps: list[Any]) -> None:
    now, clock = task("pending"), CLOCK
    for (progress, current, total), pause in steps:
        clock += pause
        after = patch(now, clock, progress=progress, current=current, total=total).task
        for value in (after.progress, after.rate, after.eta_seconds, after.speed):
            assert value is None or (math.isfinite(value) and value >= 0)
        assert after.progress is None or after.progress <= 100
        if now.progress is not None and after.progress is not None:
            assert after.progress >= now.progress
        now = after


@given(st.floats(0.001, 1e6), st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_smoothing_keeps_a_constant_rate_at_any_spacing(rate: float, spans: list[float]) -> None:
    times = list(itertools.accumulate(spans, initial=0.0))
    smoothed: float | None = None
    for before, now in itertools.pairwise(times):
        smoothed = smooth(smoothed, rate * (now - before), 0.0, before, now)
    if times[-1] > 0.01:
        assert smoothed == pytest.approx(rate, rel=1e-2)
