"""A line for each request, once it has been answered, with the client's address as it is known."""

from __future__ import annotations

from typing import Any

from hypercorn.logging import Logger


class AccessLogger(Logger):
    """Hypercorn's logger, with our own lines: its would make a thousand strings for each."""

    async def access(self, request: Any, response: Any, request_time: float) -> None:
        if self.access_logger is None:
            return
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
