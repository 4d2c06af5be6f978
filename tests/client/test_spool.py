"""The spool keeps lines in numbered batches, within a bound, for whoever delivers them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from livequeue_client.lines import Line
from livequeue_client.spool import BATCH_LINES, Spool, leftovers, prune

TASK = {"server": "http://127.0.0.1:8000", "key": "k", "body": {"name": "x"}}
TIME = "2026-11-25T15:00:00.000Z"


Make = Callable[[int], Spool]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a spool with this bound."""
    with ExitStack() as stack:

        def create(bound: int) -> Spool:
            return stack.enter_context(closing(Spool.create(tmp_path, TASK, bound)))

        yield create


@pytest.fixture
def spool(make: Make) -> Spool:
    return make(10_000_000)


def lines(first: int, count: int, text: str = "line") -> list[Line]:
    return [Line(n, "stdout", f"{text} {n}", True) for n in range(first, first + count)]


def drain(spool: Spool) -> list[tuple[int, list[str]]]:
    batches = []
    while batch := spool.next_batch():
        batches.append((batch[0], [line["text"] for line in batch[1]]))
        spool.delivered(batch[0])
    return batches


def test_lines_come_back_as_the_server_takes_them(spool: Spool) -> None:
    spool.append(
        [Line(1, "stdout", "a", True), Line(2, "stdout", "b", True), Line(3, "stderr", "é", False)],
        TIME,
    )
    spool.append([Line(3, "stderr", "again", True)], TIME)
    batch = spool.next_batch()
    assert batch == (
        1,
        [
            {"line": 1, "stream": "stdout", "time": TIME, "text": "a"},
            {"line": 2, "stream": "stdout", "time": TIME, "text": "b"},
            {"line": 3, "stream": "stderr", "time": TIME, "text": "é"},
            {"line": 3, "stream": "stderr", "time": TIME, "text": "again"},
        ],
    )
    assert spool.folder.stat().st_mode & 0o077 == 0


def test_a_batch_is_fixed_once_it_was_asked_for(spool: Spool) -> None:
    spool.append(lines(1, 1), TIME)
    first = spool.next_batch()
    spool.append(lines(2, 1), TIME)
    assert spool.next_batch() == first
    spool.delivered(1)
    assert drain(spool) == [(2, ["line 2"])]
    assert spool.empty


def test_batches_are_bounded(spool: Spool) -> None:
    spool.append(lines(1, 3 * BATCH_LINES), TIME)
    assert [len(texts) for _, texts in drain(spool)] == [BATCH_LINES] * 3


def test_a_backlog_is_a_whole_batch_besides_the_one_that_grows(spool: Spool) -> None:
    """It goes out without pauses, which only gather small writes."""
    spool.append(lines(1, BATCH_LINES), TIME)
    assert [spool.backlog] == [False]
    spool.append(lines(20_000, 1), TIME)
    assert [spool.backlog] == [True]
    assert len(drain(spool)) == 2
    assert [spool.backlog] == [False]


def test_past_the_bound_the_oldest_lines_give_way_to_a_remark(make: Make) -> None:
    spool = make(1_200_000)
    text = "x" * 900
    for first in range(1, 4001, 10):
        spool.append(lines(first, 10, text), TIME)
    size = sum(path.stat().st_size for path in spool.folder.glob("*.batch"))
    assert size < 1_200_000 + 600_000
    texts = [text for _, texts in drain(spool) for text in texts]
    remark, rest = texts[0], texts[1:]
    assert remark == f"… {4000 - len(rest):,} lines dropped, spool full"
    assert rest == [f"{text} {n}" for n in range(4001 - len(rest), 4001)]
    assert 500 < len(rest) < 1400


def test_a_batch_that_may_be_at_the_server_stays(make: Make) -> None:
    spool = make(600_000)
    spool.append(lines(1, 5), TIME)
    sent = spool.next_batch()
    for first in range(6, 4006, 10):
        spool.append(lines(first, 10, "x" * 900), TIME)
    assert spool.next_batch() == sent
    batches = drain(spool)
    assert batches[0][1] == [f"line {n}" for n in range(1, 6)]
    assert "lines dropped, spool full" in batches[1][1][0]
    assert batches[-1][1][-1].endswith(" 4005")


def test_a_spool_is_locked_while_its_run_lives(spool: Spool, tmp_path: Path) -> None:
    spool.append(lines(1, 2), TIME)
    assert list(leftovers(tmp_path)) == [spool.folder]
    assert Spool.leftover(spool.folder) is None
    spool.save("end", {"status": "completed"})
    spool.close()
    left = Spool.leftover(spool.folder)
    assert left
    assert left.task == TASK
    assert left.ending() == {"status": "completed"}
    assert drain(left) == [(1, ["line 1", "line 2"])]
    left.remove()
    assert list(leftovers(tmp_path)) == []


def test_numbers_go_on_after_the_last_one(spool: Spool) -> None:
    spool.append(lines(1, 1), TIME)
    spool.close()
    left = Spool.leftover(spool.folder)
    assert left
    with closing(left):
        left.append(lines(2, 1), TIME)
        assert [number for number, _ in drain(left)] == [1, 2]


def test_half_a_record_is_ignored(spool: Spool) -> None:
    spool.append(lines(1, 2), TIME)
    (path,) = spool.folder.glob("*.batch")
    with path.open("ab") as batch:
        batch.write(b'["stdout","2026-')
    assert drain(spool) == [(1, ["line 1", "line 2"])]


def test_a_folder_that_is_no_spool_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "task.json").write_text("{")
    assert [path.name for path in leftovers(tmp_path)] == ["broken"]
    assert Spool.leftover(tmp_path / "broken") is None
    assert list(leftovers(tmp_path / "missing")) == []


def test_leftovers_are_bounded_too(make: Make, tmp_path: Path) -> None:
    spools = [make(10_000_000) for _ in range(4)]
    for age, spool in enumerate(reversed(spools)):
        spool.append(lines(1, 10, "x" * 1000), TIME)
        os.utime(spool.folder, (1000 - age, 1000 - age))
    alive, *dead = spools
    for spool in dead:
        spool.close()
    prune(tmp_path, bound=25_000)
    assert set(leftovers(tmp_path)) == {alive.folder, *[spool.folder for spool in dead[1:]]}


def test_lines_that_cannot_be_written_are_counted(spool: Spool) -> None:
    spool.append(lines(1, 1), TIME)
    assert spool.next_batch()
    blocked = spool.folder / "00000002.batch"
    blocked.mkdir()
    spool.append(lines(2, 3), TIME)
    blocked.rmdir()
    spool.append(lines(5, 1), TIME)
    texts = [text for _, texts in drain(spool) for text in texts]
    assert texts == ["line 1", "… 3 lines dropped, spool not writable", "line 5"]
