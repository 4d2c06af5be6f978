"""Whatever is wrong with a request: a 4xx problem that names the field and its limit."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.routes.conftest import NewTask

JSON = {"Content-Type": "application/json"}

MANY_LABELS = json.dumps({"name": "x", "labels": {f"k{n}": "" for n in range(33)}})
WRONG_TASKS: list[tuple[str, int, str]] = [
    ("{}", 422, "name"),
    ('{"name": ""}', 422, "name"),
    ('{"name": "   "}', 422, "name"),
    ('{"name": "%s"}' % ("x" * 201), 422, "name"),
    (r'{"name": "a\u0000b"}', 422, "name"),
    (r'{"name": "a\nb"}', 422, "name"),
    ('{"name": null}', 422, "name"),
    ('{"name": 5}', 422, "name"),
    ('{"name": "x", "colour": "red"}', 422, "colour"),
    ('{"name": "x", "queue": "a b"}', 422, "queue"),
    ('{"name": "x", "queue": ""}', 422, "queue"),
    ('{"name": "x", "queue": "."}', 422, "queue"),
    ('{"name": "x", "queue": ".."}', 422, "queue"),
    ('{"name": "x", "queue": "%s"}' % ("q" * 65), 422, "queue"),
    ('{"name": "x", "status": "stalled"}', 422, "status"),
    ('{"name": "x", "status": "done"}', 422, "status"),
    ('{"name": "x", "progress": -5}', 422, "progress"),
    ('{"name": "x", "progress": 130}', 422, "progress"),
    ('{"name": "x", "progress": 1e30}', 422, "progress"),
    ('{"name": "x", "progress": true}', 422, "progress"),
    ('{"name": "x", "progress": "50"}', 422, "progress"),
    ('{"name": "x", "progress": 1e999}', 400, "progress"),
    ('{"name": "x", "progress": NaN}', 400, ""),
    ('{"name": "x", "progress": Infinity}', 400, ""),
    ('{"name": "x", "payload": NaN}', 400, ""),
    ('{"name": "x", "payload": {"a": [1e999]}}', 400, "payload"),
    ('{"name": "x", "current": -1}', 422, "current"),
    ('{"name": "x", "total": 1e16}', 422, "total"),
    ('{"name": "x", "message": "%s"}' % ("m" * 1001), 422, "message"),
    ('{"name": "x", "error": "%s"}' % ("é" * 32_769), 422, "error"),
    ('{"name": "x", "unit": "%s"}' % ("u" * 33), 422, "unit"),
    ('{"name": "x", "worker": "%s"}' % ("w" * 201), 422, "worker"),
    ('{"name": "x", "labels": {"a b": "c"}}', 422, "labels"),
    ('{"name": "x", "labels": {"a": 5}}', 422, "labels"),
    ('{"name": "x", "labels": {"a": "%s"}}' % ("v" * 257), 422, "labels"),
    ('{"name": "x", "labels": [1]}', 422, "labels"),
    (MANY_LABELS, 422, "labels"),
    ('{"name": "x", "payload": "%s"}' % ("p" * 1024 * 1024), 422, "payload"),
    ('{"name": "x", "payload": %s}' % ("[" * 70 + "]" * 70), 422, "payload"),
    ('{"name": "x", "payload": %s}' % ("[" * 100_000), 400, ""),
    ('{"name": "x", "payload": %s}' % ("9" * 10_000), 422, "payload"),
    ('{"name": "x", "priority": 1001}', 422, "priority"),
    ('{"name": "x", "priority": 1.5}', 422, "priority"),
    ('{"name": "x", "priority": %s}' % 10**30, 422, "priority"),
    ('{"name": "x", "max_retries": 101}', 422, "max_retries"),
    ('{"name": "x", "heartbeat_timeout": 4}', 422, "heartbeat_timeout"),
    ('{"name": "x", "run_at": "tomorrow"}', 422, "run_at"),
    ('{"name": "x", "run_at": "2027-01-01T00:00:00"}', 422, "run_at"),
    (r'{"name": "half \ud83d"}', 422, ""),
    ("[]", 422, "body"),
    ("null", 422, "body"),
    ("{", 400, ""),
    ('{"name": "x"} trailing', 400, ""),
    ("name=backup", 400, ""),
]


def _assert_problem(answer: httpx.Response, status: int, field: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    if field:
        named = problem["errors"][0]
        assert named["field"].startswith(field)
        assert named["message"]
    return problem


@pytest.mark.parametrize(("body", "status", "field"), WRONG_TASKS, ids=range(len(WRONG_TASKS)))
def test_wrong_task(http: httpx.Client, body: str, status: int, field: str) -> None:
    _assert_problem(http.post("/api/tasks", content=body, headers=JSON), status, field)


def test_limits_are_named_with_their_numbers(http: httpx.Client) -> None:
    answer = http.post("/api/tasks", json={"name": "x", "progress": 130})
    assert _assert_problem(answer, 422)["errors"] == [
        {"field": "progress", "message": "must be at most 100"}
    ]


def test_large_limits_are_named_in_figures(http: httpx.Client) -> None:
    answer = http.post("/api/tasks", json={"name": "x", "current": 1e300})
    (error,) = _assert_problem(answer, 422)["errors"]
    assert error["message"] == "must be at most 1000000000000000"


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("0", 200),
        ("-0.0", 200),
        ("100", 200),
        ("0.30000000000000004", 200),
        ("null", 200),
        ("-5", 422),
        ("130", 422),
        ("true", 422),
        ('"50"', 422),
        ("1e30", 422),
        ("NaN", 400),
        ("Infinity", 400),
        ("1e999", 400),
    ],
)
def test_odd_progress(http: httpx.Client, new_task: NewTask, number: str, status: int) -> None:
    """Case H15."""
    path = f"/api/tasks/{new_task()['id']}"
    answer = http.patch(path, content=f'{{"progress": {number}}}', headers=JSON)
    assert answer.status_code == status
    assert "NaN" not in http.get(path).text


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "-1", "101", "", "abc", "true"])
def test_odd_progress_in_a_form(http: httpx.Client, new_task: NewTask, text: str) -> None:
    answer = http.patch(f"/api/tasks/{new_task()['id']}", data={"progress": text})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"name": "x"}', "text/plain", 415),
        (b'{"name": "x"}', "text/plain;charset=UTF-8", 415),
        (b'{"name": "x"}', "", 415),
        (b'{"name": "x"}', "multipart/form-data; boundary=b", 415),
        (b'{"name": "x"}', "application/octet-stream", 415),
        (b'{"name": "\xff"}', "application/json", 400),
        (b"name=%FF", "application/x-www-form-urlencoded", 400),
        (b"name=a&name=b", "application/x-www-form-urlencoded", 422),
        (b'{"name":"x"}', "application/x-www-form-urlencoded", 422),
        (b"name=x&" * 2000, "application/x-www-form-urlencoded", 400),
    ],
)
def test_wrong_kind_of_body(http: httpx.Client, content: bytes, kind: str, status: int) -> None:
    """Case H18: what a foreign page can post without asking is no JSON to us."""
    headers = {"Content-Type": kind} if kind else {}
    _assert_problem(http.post("/api/tasks", content=content, headers=headers), status)


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "text/html"])
def test_a_log_of_another_kind_is_told_which_it_may_be(
    http: httpx.Client, new_task: NewTask, kind: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    path = f"/api/tasks/{new_task()['id']}/logs"
    problem = _assert_problem(http.post(path, content=b"hello", headers=headers), 415)
    assert "-H 'Content-Type: text/plain'" in problem["detail"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/json", "producer"),
        ("application/x-ndjson", "stream"),
        ("application/x-ndjson", "level"),
        ("text/plain", "fields"),
    ],
)
def test_a_log_query_that_would_have_no_effect_is_refused(
    http: httpx.Client, new_task: NewTask, kind: str, name: str
) -> None:
    path = f"/api/tasks/{new_task()['id']}/logs"
    answer = http.post(
        f"{path}?{name}=info", content=b'{"lines": []}', headers={"Content-Type": kind}
    )
    _assert_problem(answer, 422, name)
    assert http.get(path).json()["total"] == 0


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-ndjson"])
def test_a_compressed_body_is_refused_and_not_taken_for_text(
    http: httpx.Client, new_task: NewTask, kind: str
) -> None:
    path = f"/api/tasks/{new_task()['id']}/logs"
    content = gzip.compress(b'{"lines": []}')
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    _assert_problem(http.post(path, content=content, headers=headers), 415)
    headers["Content-Encoding"] = "Identity"
    assert http.post(path, content=b"", headers=headers).status_code in (200, 422)
    assert http.get(path).json()["total"] == 0


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-ndjson"])
def test_a_body_that_is_not_utf8_is_refused(
    http: httpx.Client, new_task: NewTask, kind: str
) -> None:
    path = f"/api/tasks/{new_task()['id']}/logs"
    headers = {"Content-Type": f"{kind}; charset=ISO-8859-1"}
    _assert_problem(http.post(path, content=b"caf\xe9", headers=headers), 415)
    assert http.get(path).json()["total"] == 0
    headers = {"Content-Type": f'{kind}; charset="UTF-8"'}
    assert http.post(path, content=b"", headers=headers).status_code in (200, 422)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "sort=colour",
        "colour=red",
        "status=done",
        "queue=a%20b",
        "label=:x",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "page=x",
        "page=WyJpZCIsOTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OV0",
        "limit=5&limit=6",
    ],
)
def test_wrong_list_query(http: httpx.Client, query: str) -> None:
    _assert_problem(http.get(f"/api/tasks?{query}"), 422)


def test_a_field_that_may_be_repeated_is_named_as_it_is_written(http: httpx.Client) -> None:
    answer = http.get("/api/tasks?status=failed&status=done")
    assert [error["field"] for error in _assert_problem(answer, 422)["errors"]] == ["status"]
    page = http.get("/tasks?status=done", headers={"Accept": "text/html"})
    assert "status[0]" not in page.text


@pytest.mark.parametrize("query", ["from=0", "tail=-1", "from=1&tail=1", "limit=9999", "level=x"])
def test_wrong_log_query(http: httpx.Client, new_task: NewTask, query: str) -> None:
    _assert_problem(http.get(f"/api/tasks/{new_task()['id']}/logs?{query}"), 422)


@pytest.mark.parametrize(
    "task_id", ["0", "999999999", "99999999999999999999", "x", "-1", "1.5", "%2F"]
)
@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("POST", "/heartbeat"),
        ("GET", "/logs"),
        ("GET", "/logs?format=text"),
        ("POST", "/logs"),
    ],
)
def test_unknown_task(http: httpx.Client, task_id: str, method: str, suffix: str) -> None:
    body: dict[str, Any] = {"lines": []} if suffix == "/logs" else {}
    answer = http.request(
        method, f"/api/tasks/{task_id}{suffix}", json=None if method == "GET" else body
    )
    _assert_problem(answer, 404)


def test_unknown_task_of_a_streamed_log(http: httpx.Client) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = http.post("/api/tasks/999999999/logs", content=b"x\n", headers=headers)
    _assert_problem(answer, 404)


def test_huge_body(http: httpx.Client) -> None:
    content = b'{"name": "' + b"x" * (17 * 2**20) + b'"}'
    problem = _assert_problem(http.post("/api/tasks", content=content, headers=JSON), 413)
    assert "16 MiB" in problem["detail"]


def test_huge_body_of_unknown_length(http: httpx.Client) -> None:
    def chunks() -> Any:
        yield b'{"name": "'
        for _ in range(17):
            yield b"x" * 2**20
        yield b'"}'

    _assert_problem(http.post("/api/tasks", content=chunks(), headers=JSON), 413)


def test_wrong_method_and_path(http: httpx.Client) -> None:
    answer = http.put("/api/tasks")
    _assert_problem(answer, 405)
    assert "PATCH" in answer.headers["Allow"]
    _assert_problem(http.get("/api/nothing"), 404)


def test_the_server_is_unharmed(http: httpx.Client, new_task: NewTask) -> None:
    """After all of the above, in this module's server."""
    task = new_task(payload=[[1]])
    assert http.get(f"/api/tasks/{task['id']}").json()["payload"] == [[1]]


@pytest.mark.parametrize("path", ["/api/tasks", "/tasks", "/nope"])
def test_a_websocket_is_refused_without_noise(server: Server, path: str) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        answer = http.get(path, headers=headers)
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in server.log()
