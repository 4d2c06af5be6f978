"""One HTTP/1.1 connection: it ends when its client has left, and stays what it is."""

from __future__ import annotations

from typing import Any

from hypercorn.events import Closed, Event, Updated
from hypercorn.protocol.h11 import H11Protocol


class Http1(H11Protocol):
    async def handle(self, event: Event) -> None:
        await super().handle(event)
        if isinstance(event, Closed):
            await self.send(Updated(idle=False))  # or it keeps its file until it counts as idle

    async def _check_protocol(self, event: Any) -> None:
        # No upgrade to HTTP/2, which is gone from the standard (RFC 9113, section 3.1): through a
        # proxy that passes it on, requests would go past all that the proxy is to check.
        if not any(name == b"upgrade" for name, _ in event.headers):
            await super()._check_protocol(event)  # knows HTTP/2 by its preface
