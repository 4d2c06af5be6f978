"""Text in logs over HTTP: what is found, and where in a line."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import pytest

from tests.routes.conftest import NewTask

LINES = [
    "100 % of a_b",
    'it\'s "quoted" [x]',
    "发生错误",
    "a rocket 🚀 starts",
    "e\N{COMBINING ACUTE ACCENT} and é",
    "\x1b[31mER\x1b[1mROR\x1b[0m: disk",
    "error: Kelvin",
    "took 12 ms and 7 ms",
]


class Log:
    """The log of one new task."""

    def __init__(self, http: httpx.Client, task_id: int) -> None:
        self.http = http
        self.id = task_id
        self.path = f"/api/tasks/{task_id}/logs"

    def send(self, *texts: str, **line: Any) -> None:
        body = {"lines": [{"text": text} | line for text in texts]}
        answer = self.http.post(self.path, json=body)
        assert answer.status_code == 200, answer.text

    def read(self, path: str = "", **query: Any) -> dict[str, Any]:
        answer = self.http.get(self.path + path, params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def numbers(self, **query: Any) -> list[int]:
        return [line["n"] for line in self.read(**query)["lines"]]

    def hits(self, **query: Any) -> dict[int, list[str]]:
        """Of the lines that have some, what a browser would cut out."""
        found: dict[int, list[str]] = {}
        for line in self.read(**query)["lines"]:
            units = PLAIN[line["n"] - 1].encode("utf-16-le")
            for start, end in line.get("hits", []):
                hit = units[start * 2 : end * 2].decode("utf-16-le")
                found.setdefault(line["n"], []).append(hit)
        return found


PLAIN = [
    line.replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "") for line in LINES
]


@pytest.fixture
def log(http: httpx.Client, new_task: NewTask) -> Log:
    return Log(http, new_task()["id"])


@pytest.fixture
def full(log: Log) -> Log:
    log.send(*LINES)
    return log


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ({"q": "%"}, {1: ["%"]}),
        ({"q": "_"}, {1: ["_"]}),
        ({"q": '"quoted" ['}, {2: ['"quoted" [']}),
        ({"q": "错误"}, {3: ["错误"]}),
        ({"q": "🚀 s"}, {4: ["🚀 s"]}),
        ({"q": "é"}, {5: ["é"]}),
        ({"q": "e\N{COMBINING ACUTE ACCENT}"}, {5: ["e\N{COMBINING ACUTE ACCENT}"]}),
        ({"q": "ERROR"}, {6: ["ERROR"]}),
        ({"q": "error", "ignore_case": "true"}, {6: ["ERROR"], 7: ["error"]}),
        ({"q": r"\d+ ms", "regex": "true"}, {8: ["12 ms", "7 ms"]}),
        ({"q": "(?i)^error", "regex": "true"}, {6: ["ERROR"], 7: ["error"]}),
        (
            {"q": r"KELVIN|\[X\]", "regex": "true", "ignore_case": "true"},
            {2: ["[x]"], 7: ["Kelvin"]},
        ),
        ({"q": "nowhere"}, {}),
    ],
)
def test_what_is_looked_for_filters_and_is_marked(
    full: Log, query: dict[str, str], hits: dict[int, list[str]]
) -> None:
    numbers = sorted(hits)
    assert full.numbers(**query) == numbers
    assert full.numbers(**query, tail=1) == numbers[-1:]
    assert full.numbers(**query, limit=1) == numbers[:1]
    marks = {"mark" if name == "q" else name: value for name, value in query.items()}
    assert full.hits(**marks) == hits
    assert full.numbers(**marks) == list(range(1, len(LINES) + 1))
    assert full.hits(**query, mark=query["q"]) == hits
    assert full.hits(**query) == {}


def test_a_filter_and_a_mark_may_differ(full: Log) -> None:
    assert full.hits(q="ms", mark="took") == {8: ["took"]}
    assert full.hits(q="ms", mark="ERROR") == {}


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ({"q": "(", "regex": "true"}, "q", "missing ): ("),
        ({"mark": "[b-a]", "regex": "true"}, "mark", "unknown or reversed class: b-a"),
        ({"q": "x" * 1001}, "q", "1000"),
        ({"q": "a\nb"}, "q", "one line"),
        ({"q": r"\pL{1000}", "regex": "true"}, "q", "too large"),
        ({"regex": "perhaps"}, "regex", "true or false"),
        ({"since": "yesterday"}, "since", "RFC 3339"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_the_reason(
    full: Log, query: dict[str, str], field: str, says: str
) -> None:
    for format in ("json", "text", "ndjson"):
        answer = full.http.get(full.path, params=query | {"format": format})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert says in error["message"]


def test_the_index_says_where_hits_are(log: Log) -> None:
    for start in range(0, 9000, 3000):
        numbers = range(start + 1, start + 3001)
        log.send(*(f"line {n}: {'needle ' * (n % 1000 == 0)}" for n in numbers))
    log.send("ne\x1b[1medle", level="error")
    answer = log.read("/index", q="needle")
    assert (answer["total"], answer["hits"], answer["lines"]) == (10, 10, 9001)
    assert (answer["first"], answer["last"], answer["next"]) == (1, 9001, None)
    assert (answer["blocks"][0][0], answer["blocks"][-1][1]) == (1, 9001)
    assert len(answer["blocks"]) > 1
    assert sum(lines for _, _, lines, _ in answer["blocks"]) == 10
    part = log.read("/index", q="needle", **{"from": 1001, "to": 3000})
    assert (part["total"], part["hits"], part["lines"]) == (2, 2, 2000)
    assert (part["blocks"][0][0], part["blocks"][-1][1]) == (1001, 3000)
    assert log.read("/index", q="e", to=2)["hits"] == 2
    assert log.read("/index", q="NEEDLE")["total"] == 0
    assert log.read("/index", q="NEEDLE", ignore_case="true")["total"] == 10
    assert log.read("/index", q=r"^line \d000: n", regex="true")["total"] == 9
    assert log.read("/index", level="error")["blocks"][-1] == [9001, 9001, 1, 0]
    assert log.read("/index", level="error", q="needle")["total"] == 1
    assert log.read("/index", level="debug")["blocks"][0] == [1, 8000, 0, 0]  # not even opened
    assert log.read("/index")["total"] == 9001


def test_the_index_of_nothing(log: Log, http: httpx.Client) -> None:
    answer = log.read("/index", q="x")
    assert (answer["total"], answer["lines"], answer["blocks"], answer["next"]) == (0, 0, [], None)
    log.send("x")
    assert log.read("/index", q="x", **{"from": 2})["blocks"] == []
    assert http.get("/api/tasks/999999999/logs/index").status_code == 404
    bad = http.get(f"{log.path}/index", params={"q": "(", "regex": "true"})
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "q"


def test_a_rewritten_line_is_found_as_it_is_by_now(log: Log) -> None:
    def number(text: str, line: int) -> None:
        body = {"lines": [{"text": text, "line": line}], "producer": "bar"}
        assert log.http.post(log.path, json=body).status_code == 200

    number("10 %", 1)
    log.send(*(f"{n}" for n in range(9000)))
    for _ in range(2):  # what was looked for once is remembered
        assert log.numbers(q="done") == []
        assert log.read("/index", q="done")["total"] == 0
        assert log.numbers(q="10 %") == [1]
    number("done", 1)
    for _ in range(2):
        assert log.numbers(q="done") == [1]
        assert log.numbers(q="10 %") == []
        assert log.read("/index", q="done")["total"] == 1
        assert log.read("/index", q="10 %")["total"] == 0
        log.send(*(f"{n}" for n in range(9000)))  # the line goes back into its chunk


HOSTILE = [r"(a+)+$", r"(a|a)*b", r"(?:\w.{0,10}){20}Q", r"[a-q][^u-z]{13}x", "(x+x+)+y"]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_keeps_the_server_from_answering(log: Log, pattern: str) -> None:
    log.send(*("a" * 200 for _ in range(30_000)))
    timeout = httpx.Timeout(20, read=0.3)
    with httpx.Client(base_url=log.http.base_url, timeout=timeout, trust_env=False) as impatient:
        for path in ("", "/index"):
            with contextlib.suppress(httpx.ReadTimeout):
                impatient.get(log.path + path, params={"q": pattern, "regex": "true"})
    # Those who asked have left.
    assert log.read(limit=1)["total"] == 30_000
    assert log.read("/index", q="b")["total"] == 0
