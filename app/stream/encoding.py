"""Wire encoding of events and stream control; each event is encoded once, on first use.

Frames follow the HTML Standard, section 9.2 (server-sent events).
"""

from __future__ import annotations

from typing import Any

import msgspec
from sse_starlette import ServerSentEvent

from app.event import Event
from app.json_line import json_line

_encode = msgspec.json.Encoder().encode


def json_of(event: Event) -> bytes:
    """The event as JSON, as long-polling sends it."""
    head = _encode({"id": event.id, "type": event.type, "topic": event.topic})
    tail = _encode({"message": event.message, "timestamp": event.timestamp})
    return json_line(head[:-1] + b"," + tail[1:-1] + b',"data":' + event.data + b"}")


def sse_of(event: Event) -> bytes:
    """The event as a frame, shared by every stream that carries it."""
    if event.sse is None:
        event.sse = _frame(event.type, event.id, json_of(event))
    return event.sse


def control(type: str, id: str | None, retry: int | None = None, **data: Any) -> bytes:
    """A HELLO, HEARTBEAT, RESET or END frame; ``retry`` in milliseconds."""
    return _frame(type, id, _encode({"type": type, **data}), retry)


def poll_answer(
    events: list[Event], cursor: str, reset: str | None = None, ended: list[str] | None = None
) -> bytes:
    """The body of a long-poll's answer."""
    rest = _encode({"cursor": cursor, "reset": reset, "ended": ended or []})
    return b'{"events":[' + b",".join(map(json_of, events)) + b"]," + rest[1:]


def _frame(type: str, id: str | None, data: bytes, retry: int | None = None) -> bytes:
    return ServerSentEvent(data.decode(), event=type, id=id, retry=retry, sep="\n").encode()
