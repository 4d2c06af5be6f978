"""Patience with clients that take a long answer slowly.

Who limits the rate, as `curl --limit-rate` does, takes megabytes at once and then nothing for
minutes. A download holds nothing but its connection, so it may, for longer than a live stream.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from hypercorn.typing import ASGISendCallable
from quart import Response

from app.stream.direct import connection_of

PATIENCE = 15 * 60  # seconds without a byte taken


class SlowResponse(Response):
    """An answer for which the send time-out of streams would be too short."""


@contextmanager
def patience(send: ASGISendCallable) -> Iterator[None]:
    """For one answer over HTTP/1: the kernel, which counts, gives its client more time."""
    transport = connection_of(send)
    if transport is None or not hasattr(socket, "TCP_USER_TIMEOUT"):
        yield
        return
    connection = transport.get_extra_info("socket")
    option = socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
    usual = connection.getsockopt(*option)
    connection.setsockopt(*option, PATIENCE * 1000)
    try:
        yield
    finally:
        if not transport.is_closing():
            connection.setsockopt(*option, usual)
