"""Which cursors are honoured: a random history of starts, appends, copies and restores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.events import Epochs


@pytest.mark.parametrize(
    ("cursor", "position"),
    [
        ("aa-0", 0),
        ("aa-5", 5),
        ("aa-6", "future"),  # events from 6 on belong to bb
        ("bb-5", 5),  # where bb began: nothing of it seen yet
        ("bb-4", "malformed"),
        ("bb-6", 6),
        ("cc-6", "unknown-epoch"),
        ("", "malformed"),
        ("bb", "malformed"),
        ("bb-", "malformed"),
        ("bb--1", "malformed"),
        ("bb-x", "malformed"),
        ("bb-6 ", "malformed"),
        ("bb-٦", "malformed"),
        ("bb-" + "9" * 40, "malformed"),
        ("Ã©-6", "unknown-epoch"),
    ],
)
def test_positions(cursor: str, position: int | str) -> None:
    assert Epochs([("aa", 1), ("bb", 6)]).position(cursor) == position


# One life of a file: its epochs as (name, first) and its head. "restore" goes back to a copy.
steps = st.lists(st.sampled_from(["append", "start", "copy", "restore"]), min_size=1, max_size=40)


@given(steps)
def test_a_cursor_never_points_into_another_history(history: list[str]) -> None:
    """A cursor that is honoured means: the client has just the events that this file has."""
    epochs: list[tuple[str, int]] = [("e0", 1)]
    log: list[int] = []  # the identity of each event of this file, by seq
    made, names = 0, 0
    copy: tuple[list[tuple[str, int]], list[int]] = (list(epochs), list(log))
    handed: list[tuple[str, list[int]]] = []  # cursors given to clients, with what they had then
    for step in history:
        if step == "append":
            made += 1
            log.append(made)
        elif step == "copy":
            copy = (list(epochs), list(log))
        else:
            if step == "restore":
                epochs, log = list(copy[0]), list(copy[1])
            names += 1
            epochs.append((f"e{names}", len(log) + 1))
        known = Epochs(epochs)
        for cursor, had in handed:
            position = known.position(cursor)
            if isinstance(position, int) and position <= len(log):
                assert log[:position] == had
        handed.append((known.cursor(len(log)), list(log)))
        handed.append((f"{known.current}-{len(log)}", list(log)))
