"""The proxy on a thread of its own, for tests, which are synchronous."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from e2e.fault_proxy.fault import Fault, Mode
from e2e.fault_proxy.request import Request
from e2e.fault_proxy.server import Address, ProxyServer
from e2e.fault_proxy.upstream import Upstream

T = TypeVar("T")


class FaultProxy:
    def __init__(self, upstream: Upstream, path: str = "") -> None:
        """`path` is the one the server's pages are under."""
        self._upstream = upstream
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._server: ProxyServer
        self.url = ""

    @classmethod
    def before(cls, url: str, *, insecure: bool = False) -> Self:
        """One in front of the server at this address, whose path it keeps."""
        path = urlsplit(url).path.rstrip("/")
        return cls(Upstream.at(url, insecure=insecure), path)

    def __enter__(self) -> Self:
        self._thread.start()
        host, port = self._call(self._start())
        self.url = f"http://{host}:{port}{self._path}"
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(
        self,
        mode: Mode,
        *,
        match: str = "",
        seconds: float = 5.0,
        rate: float = 1024.0,
        hold_headers: bool = False,
        status: int = 403,
    ) -> None:
        fault = Fault(mode, match, seconds, rate, hold_headers, status)
        self._tell(lambda: self._server.set(fault))

    def cut(self, match: str = "") -> int:
        return self._tell(lambda: self._server.cut(match))

    def requests(self, match: str = "") -> list[Request]:
        """What came by so far, oldest first."""
        return self._tell(lambda: self._server.seen(match))

    async def _start(self) -> Address:
        self._server = ProxyServer(self._upstream)
        return await self._server.start(("127.0.0.1", 0))

    def wait_for(self, match: str, count: int = 1, within: float = 20) -> None:
        """Wait until so many requests that match have come by; TimeoutError after so many s."""
        self._call(asyncio.wait_for(self._server.wait_for(match, count), within))

    def _tell(self, act: Callable[[], T]) -> T:
        async def on_the_loop() -> T:
            return act()

        return self._call(on_the_loop())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)
