"""Protective headers on every kind of answer."""

from __future__ import annotations

import httpx
import pytest

from app.security.headers import HEADERS


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/tasks", 200),
        ("/api/tasks/999999999", 404),
        ("/api/nothing", 404),
        ("/healthz", 200),
        ("/openapi.json", 200),
        ("/events/system", 200),
        ("/tasks", 200),
        ("/assets/x/js/docs.js", 200),
        ("/nothing", 404),
    ],
)
def test_headers_are_everywhere(http: httpx.Client, path: str, status: int) -> None:
    answer = http.get(path, headers={"Accept": "text/html, application/json;q=0.9"})
    assert answer.status_code == status
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    if path.startswith("/api"):
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_stream_has_them_too(http: httpx.Client) -> None:
    with http.stream("GET", "/events/system", headers={"Accept": "text/event-stream"}) as answer:
        assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


def test_nothing_inline_is_allowed() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert policy.startswith("default-src 'none'")
