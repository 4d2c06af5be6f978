"""Output to lines, as a terminal means it."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from livequeue_client.lines import CUT, LINE_BYTES, WINDOW, Line, LineAssembler

UP = "\x1b[A"


def lines_of(*chunks: str) -> list[str]:
    assembler = LineAssembler()
    for chunk in chunks:
        assembler.feed(chunk)
    assembler.finish()
    return [line.text for line in assembler.take()]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\nb", ["a", "b"]),
        ("\n\na", ["", "", "a"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\r\r\nb", ["a", "b"]),
        ("a\n\rb", ["a", "b"]),
        ("10%\r20%\r30%", ["30%"]),
        ("10%\r20%\r", ["20%"]),
        ("10%\r20%\r\n", ["20%"]),
        ("long line\rshort", ["short"]),
        ("\r1\r2\r\ndone\n", ["2", "done"]),
        (
            "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei",
            ["a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei"],
        ),
        ("a\0b", ["a\ufffdb"]),
        ("\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        ("\x1b[38;5;196mx\x1b[m", ["\x1b[38;5;196mx\x1b[m"]),
        ("50%\r\x1b[32m60%", ["\x1b[32m60%"]),
        ("100%\r\x1b[0m\n", ["100%\x1b[0m"]),
        ("\x1b[38;5;196m" * 30 + "x", ["\x1b[38;5;196m" * 23 + "x"]),  # those that count
        ("old\r\x1b[Knew", ["new"]),
        ("old\x1b[2K\rnew", ["new"]),
        ("kept\x1b[K\n", ["kept"]),
        ("old\r\x1b[K\nnext", ["", "next"]),
        ("old\x1b[1Gnew", ["new"]),
        ("\x1b[?25lbar\x1b[?25h", ["bar"]),
        ("\x1b[2J\x1b[1;1Hx\x1b[>4;2m", ["x"]),
        ("a\x1b(Bb", ["a\x1b(Bb"]),
        ("a\x1b", ["a\x1b"]),
        ("a\x1b[3", ["a\x1b[3"]),
        ("one\ntwo\n\x1b[2AONE\n", ["ONE", "two"]),
        ("one\ntwo\n\x1b[2AONE\n\nthree", ["ONE", "two", "three"]),
        ("one\ntwo\n\x1b[1FTWO\n", ["one", "TWO"]),
        ("one\n\x1b[99AONE", ["ONE"]),
        ("one\ntwo\nthree\x1b[2A\r\x1b[JONE", ["ONE", "", ""]),
    ],
)
def test_terminal_semantics(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines
    assert lines_of(*text) == lines, "cut everywhere"


def test_an_absurd_colour_sequence_leaves_no_text() -> None:
    assert lines_of("\x1b[" + "1;" * 200 + "mx") == ["x"]


def test_any_cut_gives_the_same_lines() -> None:
    alphabet = [
        "a",
        "bc",
        "\n",
        "\r",
        "\r\n",
        "\x1b[A",
        "\x1b[2K",
        "\x1b[31m",
        "\x1b[0m",
        "é\u2028",
    ]
    chance = random.Random(4)
    for _ in range(300):
        text = "".join(chance.choices(alphabet, k=40))
        cuts = sorted(chance.sample(range(len(text)), 5))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert lines_of(*pieces) == lines_of(text), repr(text)


def test_nested_bars_rewrite_their_own_lines() -> None:
    assembler = LineAssembler()
    assembler.feed("\router 0%")
    for outer in range(1, 4):
        for inner in range(11):
            assembler.feed(f"\n\rinner {inner}0%{UP}")
        assembler.feed(f"\router {outer}")
    assert assembler.take() == [
        Line(1, "stdout", "outer 3", True),
        Line(2, "stdout", "inner 100%", False),
    ]
    assembler.feed("\router 4")
    assert assembler.take() == [Line(1, "stdout", "outer 4", True)]


def test_many_rewrites_are_one_line_and_one_update_a_take() -> None:
    assembler = LineAssembler()
    for number in range(2000):
        assembler.feed(f"\r{number / 20:.0f}%")
    assert assembler.take() == [Line(1, "stdout", "100%", False)]
    assert not assembler.pending
    assembler.feed("\r\ndone\n")
    assert assembler.take() == [Line(1, "stdout", "100%", True), Line(2, "stdout", "done", True)]


def test_ended_lines_may_be_taken_alone() -> None:
    assembler = LineAssembler()
    assembler.feed("a\nb")
    assert [line.text for line in assembler.take(partial=False)] == ["a"]
    assert assembler.pending
    assembler.feed("c\n")
    assert assembler.take(partial=False) == [Line(2, "stdout", "bc", True)]


def test_streams_have_screens_of_their_own_and_one_numbering() -> None:
    assembler = LineAssembler()
    assembler.feed("out 1\npart", "stdout")
    assembler.feed("\r10%", "stderr")
    assembler.feed("ial\nout 3\n", "stdout")
    assembler.feed("\r20%", "stderr")
    assert [line[:3] for line in assembler.take()] == [
        (1, "stdout", "out 1"),
        (2, "stdout", "partial"),
        (3, "stderr", "20%"),
        (4, "stdout", "out 3"),
    ]


def test_a_line_rewritten_after_the_window_is_shown_anew() -> None:
    """The server no longer rewrites it; a bar on stderr stays visible beside a long stdout."""
    assembler = LineAssembler()
    assembler.feed("\r1%", "stderr")
    assert [line.number for line in assembler.take()] == [1]
    assembler.feed("x\n" * (WINDOW - 1))
    assembler.feed("\r2%", "stderr")
    assert assembler.take()[0] == Line(1, "stderr", "2%", False)
    assembler.feed("x\n")
    assembler.take()
    assembler.feed("\r3%", "stderr")
    assert assembler.take() == [Line(WINDOW + 2, "stderr", "3%", False)]


@pytest.mark.parametrize("character", ["x", "é", "中", "🚀"])
def test_an_over_long_line_is_split_with_a_marker(character: str) -> None:
    text = character * 40_000
    lines = lines_of(*(text[start : start + 7001] for start in range(0, len(text), 7001)), "\nok\n")
    assert lines[-1] == "ok"
    *pieces, last = lines[:-1]
    assert all(piece.endswith(CUT) for piece in pieces)
    assert all(len(piece.encode()) <= LINE_BYTES for piece in lines)
    assert "".join(piece.removesuffix(CUT) for piece in pieces) + last == text


def test_memory_is_bounded() -> None:
    assembler = LineAssembler()
    tracemalloc.start()
    try:
        for _ in range(2000):
            assembler.feed("x" * 10_000)  # 20 MB without a line end
            assembler.take(partial=False)
        for number in range(50_000):
            assembler.feed(f"{number}\n")
            assembler.take()
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
    finally:
        tracemalloc.stop()
