"""What every measured server has: a port for lines to publish, and word of where it listens."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
from collections.abc import Callable, Coroutine
from typing import Any, cast


class Lines(asyncio.Protocol):
    """Hands over all complete lines of one read together, as they would come from many clients."""

    def __init__(self, publish: Callable[[list[bytes]], None]) -> None:
        self._publish = publish
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._publish(lines)


async def listen_for_lines(publish: Callable[[list[bytes]], None]) -> int:
    """Listens as long as the loop runs; returns the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Lines(publish), "127.0.0.1", 0)
    return port_of(server)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def tell(port: int, publish_port: int) -> None:
    """Read by ``bench.process``."""
    print(json.dumps({"port": port, "publish_port": publish_port}), flush=True)


def has_uvloop() -> bool:
    return importlib.util.find_spec("uvloop") is not None


def run(main: Coroutine[Any, Any, Any], *, uvloop: bool) -> None:
    """Run on uvloop, or on the standard library's loop."""
    factory = None
    if uvloop:
        module = importlib.import_module("uvloop")
        factory = cast(Callable[[], asyncio.AbstractEventLoop], module.new_event_loop)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
