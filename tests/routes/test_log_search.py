"""Text in logs over HTTP: what is found, and where in a line."""

from __future__ import annotations

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
        ({"mark": "[b-a]", "regex": "true"}, "mark", "invalid character class range: b-a"),
        ({"q": "x" * 1001}, "q", "1000"),
        ({"q": "a\nb"}, "q", "one line"),
        ({"q": r"\pL{1000}", "regex": "true"}, "q", "too large"),
        ({"regex": "perhaps"}, "regex", "true or false"),
        ({"since": "yesterday"}, "since", "RFC3339"),
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
