"""What becomes of sent text: line ends, overwriting, long lines, numbering."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.lines import Numbering, single, split
from livequeue_client.lines import CUT, LINE_BYTES, WINDOW, cut


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("hello", ["hello"]),
        ("hello\n", ["hello"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\nb", ["a", "", "b"]),
        ("\n", [""]),
        ("10%\r20%", ["20%"]),
        ("10%\r20%\r", ["20%"]),
        ("a\u2028b\u0085c\fd\x1ce\x0bf", ["a\u2028b\u0085c\fd\x1ce\x0bf"]),
        ("nul \0 half \ud800", ["nul \N{REPLACEMENT CHARACTER} half \N{REPLACEMENT CHARACTER}"]),
        ("\x1b[31mred\x1b[m", ["\x1b[31mred\x1b[m"]),
    ],
)
def test_split(text: str, lines: list[str]) -> None:
    assert split(text) == lines


@given(st.text(st.sampled_from("aä漢🚀"), max_size=LINE_BYTES))
def test_cut_loses_nothing_and_keeps_to_the_limit(text: str) -> None:
    pieces = cut(text)
    assert "".join(piece.removesuffix(CUT) for piece in pieces[:-1]) + pieces[-1] == text
    assert all(len(piece.encode()) <= LINE_BYTES for piece in pieces)
    assert all(piece.endswith(CUT) for piece in pieces[:-1])


def test_a_numbered_line_stays_one() -> None:
    assert single("a\nb") == "a b"
    assert len(single("x" * 100_000).encode()) <= LINE_BYTES


def test_numbering_replaces_within_its_window_and_drops_what_is_settled() -> None:
    numbering = Numbering()
    for number in range(1, WINDOW + 51):
        assert numbering.place(number) is None
        numbering.add(number, number + 1000)
    numbering = Numbering(numbering.trim())
    assert numbering.place(WINDOW + 50) == WINDOW + 1050
    assert numbering.place(51) == 1051
    assert numbering.place(50) == 0
    assert numbering.place(WINDOW + 51) is None
