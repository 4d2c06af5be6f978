"""The connection behind a response, so that a wave can be written to it without waking anything.

Past a task, an ASGI message and h11, a delivery costs a third of the CPU. Hypercorn has no public
way to it; its version is pinned, and tests/stream proves that this one is found.
"""

from __future__ import annotations

import asyncio
from typing import cast

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ASGISendCallable


def transport_of(send: ASGISendCallable) -> asyncio.Transport | None:
    """The transport of an HTTP/1.1 response, whose body is sent in chunks; else None."""
    stream = getattr(send, "__self__", None)
    if not isinstance(stream, HTTPStream) or stream.scope["http_version"] != "1.1":
        return None
    return connection_of(send)


def connection_of(send: ASGISendCallable) -> asyncio.Transport | None:
    """The transport of a response that has its connection to itself; else None."""
    stream = getattr(send, "__self__", None)
    if not isinstance(stream, HTTPStream):
        return None
    protocol = getattr(stream.send, "__self__", None)
    if not isinstance(protocol, H11Protocol):
        return None
    server = getattr(protocol.send, "__self__", None)
    if not isinstance(server, TCPServer):
        return None
    return cast(asyncio.Transport, server.writer.transport)


def framed(body: bytes) -> bytes:
    """One chunk of a body with ``Transfer-Encoding: chunked`` (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)
