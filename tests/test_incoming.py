"""Log streams are held back while too much of them is unread; other bodies keep their limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge

from app.incoming import UNREAD, PacedBody, StreamRequest, paced

LIMIT = 1000


def _request(method: str, path: str, kind: str) -> StreamRequest:
    async def push(*_: Any) -> None: ...

    headers = Headers({"Content-Type": kind, "Content-Length": "5000"})
    scope: Any = {"type": "http"}
    return StreamRequest(
        method,
        "http",
        path,
        b"",
        headers,
        "",
        "1.1",
        scope,
        max_content_length=LIMIT,
        send_push_promise=push,
    )


@pytest.mark.parametrize(
    ("method", "path", "kind", "limited"),
    [
        ("POST", "/api/tasks/1/logs", "text/plain", False),
        ("POST", "/api/tasks/1/logs", "Text/Plain; charset=utf-8", False),
        ("POST", "/api/tasks/1/logs", "application/x-ndjson", False),
        ("POST", "/dash/api/tasks/1/logs", "text/plain", False),  # under a prefix that is kept
        ("POST", "/api/tasks/1/logs", "application/json", True),
        ("POST", "/api/tasks", "text/plain", True),
        ("PATCH", "/api/tasks/1/logs", "text/plain", True),
    ],
)
def test_only_log_streams_have_no_limit(method: str, path: str, kind: str, limited: bool) -> None:
    async def first() -> None:
        body = _request(method, path, kind).body
        body.append(b"x")
        await anext(body)

    if limited:
        with pytest.raises(RequestEntityTooLarge):
            asyncio.run(first())
    else:
        asyncio.run(first())


def test_a_stream_is_received_no_faster_than_it_is_read() -> None:
    async def scenario() -> None:
        request = _request("POST", "/api/tasks/1/logs", "text/plain")
        body = request.body
        assert isinstance(body, PacedBody)
        received = 0

        async def receive() -> Any:
            nonlocal received
            received += 1
            return {"type": "http.request", "body": b"", "more_body": True}

        next_message = paced(request, receive)
        await next_message()
        body.append(b"x" * (UNREAD + 1))
        waiting = asyncio.ensure_future(next_message())
        done, _ = await asyncio.wait([waiting], timeout=0)
        assert (done, received) == (set(), 1)
        assert len(await anext(body)) == UNREAD + 1
        await waiting
        assert received == 2

    asyncio.run(scenario())
