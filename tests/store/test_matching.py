"""Looking for text in lines: what is a hit, counted fast as a slow model counts it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unprocessable
from app.store.matching import LONGEST, MARKS, Count, Matcher, matcher


def found(text: str, line: str, *, ignore_case: bool = False, regex: bool = False) -> list[str]:
    """The hits in one line, as a browser cuts them out."""
    spans = matcher(text, ignore_case=ignore_case, regex=regex).spans(line)
    units = line.encode("utf-16-le")
    return [units[start * 2 : end * 2].decode("utf-16-le") for start, end in spans]


@pytest.mark.parametrize(
    ("text", "line", "hits"),
    [
        ("%", "100 % of a_b", ["%"]),
        ("_", "100 % of a_b", ["_"]),
        ("a.b", "a.b axb", ["a.b"]),
        ("[x](y)*+?{2}|^$\\", "see [x](y)*+?{2}|^$\\ there", ["[x](y)*+?{2}|^$\\"]),
        ("'\"", "it's '\"' there", ["'\""]),
        ("错误", "发生错误:错误", ["错误", "错误"]),
        ("🚀", "🚀 to 🚀🚀", ["🚀", "🚀", "🚀"]),
        ("é", "e\N{COMBINING ACUTE ACCENT} é", ["é"]),
        ("e\N{COMBINING ACUTE ACCENT}", "e\N{COMBINING ACUTE ACCENT} é", ["e\u0301"]),
        ("aa", "aaaaa", ["aa", "aa"]),
        ("a", "A", []),
        ("\N{LINE SEPARATOR}", "one\N{LINE SEPARATOR}line", ["\N{LINE SEPARATOR}"]),
        ("\ud800", "a half is in no line", []),
    ],
)
def test_literal_text(text: str, line: str, hits: list[str]) -> None:
    assert found(text, line) == hits


@pytest.mark.parametrize(
    ("text", "line", "hits"),
    [
        ("error", "Error ERROR error", ["Error", "ERROR", "error"]),
        ("é", "É é E", ["É", "é"]),
        ("ПРИВЕТ", "привет Привет", ["привет", "Привет"]),
        ("ß", "ß ẞ ss SS", ["ß", "ẞ"]),
        ("ss", "ß ẞ ss SS", ["ss", "SS"]),
        ("k", "k K \N{KELVIN SIGN}", ["k", "K", "\N{KELVIN SIGN}"]),
        ("\N{KELVIN SIGN}", "k", ["k"]),
        ("Has", "haſ", ["haſ"]),
        ("σ", "Σ σ ς", ["Σ", "σ", "ς"]),
        ("i", "i I İ ı", ["i", "I"]),
        ("İ", "i I İ ı", ["İ"]),
        ("ﬁ", "ﬁ fi", ["ﬁ"]),
        ("a.b", "A.B axb", ["A.B"]),
        ("错误x", "错误X", ["错误X"]),
        ("🚀z", "🚀Z", ["🚀Z"]),
    ],
)
def test_ignoring_case(text: str, line: str, hits: list[str]) -> None:
    assert found(text, line, ignore_case=True) == hits
    lines = bool(hits), len(hits)
    assert matcher(text, ignore_case=True).count(line.encode()) == lines


@pytest.mark.parametrize(
    ("pattern", "line", "hits"),
    [
        (r"\d+ ms", "took 12 ms, then 7 ms", ["12 ms", "7 ms"]),
        ("(a|b)c", "ac bc cc", ["ac", "bc"]),
        ("(?P<first>a|b)(?P<second>c)", "ac bc cc", ["ac", "bc"]),
        ("^took", "took it, took it", ["took"]),
        ("it$", "it took it", ["it"]),
        (r"\Atook|it\z", "took it, took it", ["took", "it"]),
        ("(?-m)^took", "took it, took it", ["took"]),
        (".", "é🚀", ["é", "🚀"]),
        (r"\pL+", "naïve 错误", ["naïve", "错误"]),
        ("a*", "baac", ["aa"]),
        ("a|", "bab", ["a"]),
        ("(?i)É", "é", ["é"]),
        (r"\Q.*\E", "a.*b", [".*"]),
        (r"\\A", r"\A", [r"\A"]),
        (r"\\C", r"\C", [r"\C"]),
    ],
)
def test_patterns(pattern: str, line: str, hits: list[str]) -> None:
    assert found(pattern, line, regex=True) == hits


def test_a_pattern_may_ignore_case() -> None:
    assert found("err(or)?", "ERR Error", ignore_case=True, regex=True) == ["ERR", "Error"]
    assert found("(?-i)err", "ERR err", ignore_case=True, regex=True) == ["err"]


@pytest.mark.parametrize(
    "pattern",
    ["a.b", r"a\sb", "a[^x]b", "a\\nb", "(?s)a.b", r"a\Wb", r"(?s)a.*b", r"a\x0ab", r"a$\sb"],
)
def test_nothing_crosses_a_line_end(pattern: str) -> None:
    search = matcher(pattern, regex=True)
    assert search.count(b"a\nb") == (0, 0)
    assert search.lines(b"a\nb\na b") == ([2] if search.count(b"a b").lines else [])


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("^$", [1]),
        (r"^\s*$", [1, 2]),
        ("x*", [0, 1, 2, 3]),
        (r"\b", [0, 3]),
        ("(ERROR|)", [0, 1, 2, 3]),
        (r"\B-|\B\z", [1, 2, 3]),
        (r"\z", [0, 1, 2, 3]),
    ],
)
def test_a_pattern_that_can_be_empty_finds_lines_as_grep_does(
    pattern: str, matching: list[int]
) -> None:
    search = matcher(pattern, regex=True)
    data = b"abc\n\n  \nx-"
    assert search.lines(data) == matching
    assert search.count(data) == (len(matching), len(matching))


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(foo", "missing ): (foo"),
        ("foo)", "unexpected ): foo)"),
        ("[b-a]", "unknown or reversed class: b-a"),
        ("*", "nothing to repeat: *"),
        (r"(a)\1", r"unknown escape: \1"),
        ("(?=a)", "not supported: (?="),
        ("a{1001}", "repeated too often, or reversed: {1001}"),
        (r"\pL{1000}", "too large"),
        (".{999}", "too large"),
        (r"a\Cb", r"\C"),
        ("", "empty"),
        ("a\nb", "one line"),
        ("x" * (LONGEST + 1), str(LONGEST)),
    ],
)
def test_what_is_no_pattern_is_refused_with_the_reason(pattern: str, says: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        matcher(pattern, regex=True, field="mark")
    (error,) = refused.value.errors
    assert error.field == "mark"
    assert says in str(error.message)
    assert "(?m)" not in str(error.message)


def test_the_longest_texts_can_be_searched() -> None:
    for text in ("x" * LONGEST, "é" * LONGEST, "🚀" * LONGEST):
        for ignore_case in (False, True):
            search = matcher(text, ignore_case=ignore_case)
            assert search.count(f"a{text}b\n{text}".encode()) == (2, 2)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*b",
        "(a|aa)+$",
        "(x+x+)+y",
        ".*.*.*.*.*.*.*.*=",
        r"(\w+\s?)*$",
        "(a?){200}a{200}",
        "[a-q][^u-z]{13}x",
        r"(?:\w.{0,10}){20}Q",
        ".{0,100}x.{0,150}yQ",
    ],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    search = matcher(pattern, regex=True)
    data = (b"a" * 109 + b"\n") * 10_000
    data = data[: search.step]
    start = time.thread_time()
    search.count(data)
    search.lines(data)
    assert time.thread_time() - start < 5


def test_many_hits_in_one_line_are_marked_up_to_a_limit() -> None:
    line = "ab" * 8000
    assert len(matcher("a").spans(line)) == MARKS
    assert matcher("a").count(line.encode()) == (1, 8000)
    assert len(matcher("x*", regex=True).spans(line)) == 0


# A model that looks at each line alone, with the standard library.

# Few of each, so that they meet: case pairs of one, two and three bytes, and what has no case.
LETTERS = "aAbkK\N{KELVIN SIGN}sSſéÉßẞσΣςяЯ错🚀 .%_-\u0301"
lines_of_text = st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=8)
needles = st.text(LETTERS, min_size=1, max_size=3)
parts = [
    r"\w",
    r"\s",
    r"\b",
    "[ab]",
    "[^a]",
    "(?:a|b)",
    "(?:ab|a)",
    "a+",
    ".+",
    "b?",
    *".abkéß错🚀^$|-",
]
patterns = st.lists(st.sampled_from(parts), min_size=1, max_size=4).map("".join)


def hits_in(expression: re.Pattern[str], line: str) -> Iterator[re.Match[str]]:
    """As JavaScript's matchAll: behind an empty one the next place is looked at."""
    at = 0
    while at <= len(line) and (found := expression.search(line, at)):
        yield found
        at = max(found.end(), found.start() + 1)


def model(expression: re.Pattern[str], lines: list[str]) -> tuple[list[int], Count, bool]:
    """Lines found, the count, and whether any of it was empty."""
    hits = {
        index: [found.group() for found in hits_in(expression, line)]
        for index, line in enumerate(lines)
    }
    matching = [index for index in hits if hits[index]]
    each = [hit for of_line in hits.values() for hit in of_line]
    return matching, Count(len(matching), len(each)), not all(each)


def check(search: Matcher, expression: re.Pattern[str], lines: list[str]) -> None:
    data = "\n".join(lines).encode()
    matching, count, empty = model(expression, lines)
    assert search.lines(data) == matching
    assert search.count(data).lines == count.lines
    if not empty:
        assert search.count(data) in (count, Count(count.lines, count.lines))
    for line in lines:
        spans = [span.span() for span in hits_in(expression, line) if span.group()]
        units = [len(line[:place].encode("utf-16-le")) // 2 for span in spans for place in span]
        assert [place for span in search.spans(line) for place in span] == units


@given(needles, lines_of_text)
def test_literal_text_as_the_model(text: str, lines: list[str]) -> None:
    search, expression = matcher(text), re.compile(re.escape(text))
    check(search, expression, lines)
    assert search.count("\n".join(lines).encode()) == model(expression, lines)[1]


@given(needles, lines_of_text)
def test_ignoring_case_as_the_model(text: str, lines: list[str]) -> None:
    search, expression = matcher(text, ignore_case=True), re.compile(re.escape(text), re.IGNORECASE)
    check(search, expression, lines)
    assert search.count("\n".join(lines).encode()) == model(expression, lines)[1]


@given(patterns, lines_of_text, st.booleans())
def test_patterns_as_the_model(pattern: str, lines: list[str], ignore_case: bool) -> None:
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    # RE2's \w, \s and \b are of ASCII.
    expression = re.compile(pattern, flags)
    if any(part in pattern for part in (r"\w", r"\s", r"\b")) and not all(map(str.isascii, lines)):
        return
    check(matcher(pattern, ignore_case=ignore_case, regex=True), expression, lines)


@given(st.sampled_from([r"\Aa", r"a\z", "(?-m)^a|b$", "(?m)^a|b$"]), lines_of_text)
def test_each_line_is_a_text_of_its_own(pattern: str, lines: list[str]) -> None:
    expression = re.compile(pattern.replace(r"\z", r"\Z").replace("(?-m)", ""))
    check(matcher(pattern, regex=True), expression, lines)
