"""The event log as a stream (SSE) or a long-poll: the same topics, feed and cursor."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart_schema import document_querystring, document_response

from app.errors import BadRequest
from app.routes.replies import PollReply
from app.state import state
from app.stream.feed import Feed
from app.stream.poll import poll
from app.stream.sse import EventStream
from app.stream.streaming import StreamResponse
from app.stream.topics import parse

blueprint = Blueprint("events", __name__)

WAIT = 25.0  # seconds, below the 30 and more of the strictest boxes
LIMIT = 1000


def _argument(name: str) -> str | None:
    values = request.args.getlist(name)
    if len(values) > 1:
        raise BadRequest.field(name, "limit.twice")
    return values[0] if values else None


def _number(name: str, default: float, low: float, high: float) -> float:
    text = _argument(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise BadRequest.field(name, "limit.from_to", least=f"{low:g}", most=f"{high:g}")
    return value


def _whole(name: str, default: int, low: int, high: int) -> int:
    value = _number(name, default, low, high)
    if value != int(value):
        raise BadRequest.field(name, "limit.whole")
    return int(value)


class FollowQuery(Struct):
    """For the description only: the route lets unknown parameters by, which break caches."""

    after: str | None = None
    skip: Annotated[int, Meta(ge=0, le=1)] = 0
    heartbeat: Annotated[float, Meta(ge=2, le=30)] = 15
    wait: Annotated[float, Meta(ge=0, le=30)] = WAIT
    limit: Annotated[int, Meta(ge=1, le=LIMIT)] = LIMIT


@blueprint.get("/events/<path:topics>")
@document_querystring(FollowQuery)
@document_response(PollReply)
async def events(topics: str) -> ResponseReturnValue:
    """Follow topics: a stream (SSE), or a long-poll with `Accept: application/json`.

    `topics` are `system`, `logs`, `task:42` and `queue:NAME`, joined by commas. `after` is a
    cursor, as any answer or event has one; without it a stream begins now, and a poll answers the
    present cursor. `heartbeat` (seconds) is for streams, `wait` (seconds) and `limit` for polls.
    """
    wanted = parse(topics)
    if request.accept_mimetypes.best_match(["application/json", "text/event-stream"]) == (
        "text/event-stream"
    ):
        return await _stream(wanted)
    return await _poll(wanted)


async def _stream(topics: list[str]) -> ResponseReturnValue:
    server = state()
    settings = server.settings
    heartbeat = _number("heartbeat", settings.heartbeat, 2, 30)
    # An empty header is what EventSource sends after an empty id, that is: none.
    after = request.headers.get("Last-Event-ID") or _argument("after")
    if request.method == "HEAD":
        return Response(b"", content_type="text/event-stream; charset=utf-8")
    skips = _whole("skip", 0, 0, 1) == 1
    feed = await Feed.open(server.hub, server.database, topics, after, skips=skips)
    client = request.remote_addr or ""
    try:
        stream = EventStream(feed, server.registry, client, heartbeat, settings.stream_lifetime)
    except BaseException:
        feed.close()
        raise
    return StreamResponse(stream)


async def _poll(topics: list[str]) -> ResponseReturnValue:
    server = state()
    after = _argument("after") or request.headers.get("Last-Event-ID")
    wait = _number("wait", WAIT, 0, 30) if after is not None else 0
    limit = _whole("limit", LIMIT, 1, LIMIT)
    client = request.remote_addr or ""
    skips = _whole("skip", 0, 0, 1) == 1
    async with await Feed.open(server.hub, server.database, topics, after, skips=skips) as feed:
        server.registry.add(feed, client)
        try:
            body = await poll(feed, wait, limit)
        finally:
            server.registry.remove(feed, client)
    headers = {"Cache-Control": "no-store"}
    return Response(body, content_type="application/json", headers=headers)
