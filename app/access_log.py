"""A line for each request, once it has been answered, with the client's address as it is known.

Instead of the status stands `-` where the client left first.
"""

from __future__ import annotations

from typing import Any

from hypercorn.logging import Logger


class AccessLogger(Logger):
    """Hypercorn's logger, with our own lines: its would make a thousand strings for each."""

    async def access(self, request: Any, response: Any, request_time: float) -> None:
        # Of a client that left we are told twice, the second time when the answer is complete.
        if self.access_logger is None or request.get("livequeue.logged"):
            return
        request["livequeue.logged"] = True
        client = request.get("client") or ("-",)
        target = request.get("root_path", "").encode() + request["raw_path"]
        if request["query_string"]:
            target += b"?" + request["query_string"]
        self.access_logger.info(
            '%s "%s %s HTTP/%s" %s %.3f s',
            client[0],
            request.get("method", "GET"),
            repr(target)[2:-1],  # one line, whatever is in it
            request["http_version"],
            response["status"] if response else "-",
            request_time,
        )
