"""Counts of matching lines: in parts or at once, they are those of a slow model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.models import LogIndexQuery, MatchesQuery
from app.store import log_reading, log_search
from tests.store.written_logs import FILTERS, Logs, Place, run

Story = Callable[[Logs], Awaitable[None]]


@pytest.fixture(params=[0.0, 0.25], ids=["short steps", "usual steps"])
def step(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long one search looks before it answers with what it has."""
    monkeypatch.setattr(log_reading, "STEP", request.param)


@pytest.fixture(params=range(2))
def tell(request: pytest.FixtureRequest, tmp_path: Path, step: None) -> Callable[[Story], None]:
    """Runs a story of logs to which much has happened."""

    def beginning(story: Story) -> None:
        async def whole(logs: Logs) -> None:
            for _ in range(60):
                await logs.happen()
            await story(logs)

        run(tmp_path, request.param, whole)

    return beginning


async def index(logs: Logs, task: int, **query: Any) -> list[dict[str, Any]]:
    """All parts of it; `from` is `from_`."""
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["next"] is not None:
        if answers:
            query["to"] = answers[-1]["next"]
        given = LogIndexQuery(**query)
        answers.append(
            await logs.database.search(lambda c, given=given: log_search.index(c, task, given))  # type: ignore[misc]
        )
        await logs.happen()  # what comes meanwhile is above what is still looked at
    return answers


def test_the_index_says_where_matching_lines_are(tell: Callable[[Story], None]) -> None:
    async def story(logs: Logs) -> None:
        for _ in range(25):
            task = logs.pick.choice(list(logs.lines))
            query = dict(logs.pick.choice(FILTERS))
            last = len(logs.lines[task])
            first, to = sorted(logs.pick.randrange(1, last + 20) for _ in range(2))
            matching = {
                n for other, n in logs.matching(query) if other == task and first <= n <= to
            }
            before = len(logs.rewritten)
            parts = await index(logs, task, from_=first, to=to, **query)
            changed = {n for other, n in logs.rewritten[before:] if other == task}
            blocks = [block for part in reversed(parts) for block in part["blocks"]]
            if first > last:
                assert blocks == []
                continue
            # Without a gap over all that was asked for.
            assert (blocks[0][0], blocks[-1][1]) == (first, min(to, last))
            assert all(low[1] + 1 == high[0] for low, high in pairwise(blocks))
            assert sum(part["lines"] for part in parts) == min(to, last) - first + 1
            for low, high, lines, hits in blocks:
                if not changed & set(range(low, high + 1)):
                    assert lines == len(matching & set(range(low, high + 1)))
                    assert hits >= lines if "q" in query else hits == 0
            assert sum(part["total"] for part in parts) == sum(block[2] for block in blocks)
            assert sum(part["hits"] for part in parts) == sum(block[3] for block in blocks)

    tell(story)


def test_matches_are_counted_by_task(tell: Callable[[Story], None]) -> None:
    async def story(logs: Logs) -> None:
        await logs.delete_task()
        for query in FILTERS:
            for more in ({}, {"queue": ["one"]}, {"task": list(logs.lines)[:2]}):
                expected: dict[int, list[int]] = {}
                for task, n in sorted(logs.matching(query | more)):
                    expected.setdefault(task, []).append(n)
                found: dict[int, list[Place]] = {}
                page: str | None = None
                while True:
                    given = MatchesQuery(page=page, **query, **more)
                    answer = await logs.database.search(lambda c, q=given: log_search.matches(c, q))  # type: ignore[misc]
                    assert answer["total"] == sum(lines for _, lines, _ in answer["tasks"])
                    for task, lines, newest in answer["tasks"]:
                        found.setdefault(task, []).append((lines, newest))
                    page = answer["next"]
                    if page is None:
                        break
                counts = {task: sum(lines for lines, _ in parts) for task, parts in found.items()}
                assert counts == {task: len(numbers) for task, numbers in expected.items()}
                newest = {task: parts[0][1] for task, parts in found.items()}
                assert newest == {task: numbers[-1] for task, numbers in expected.items()}
                assert list(found) == sorted(found, reverse=True)

    tell(story)
