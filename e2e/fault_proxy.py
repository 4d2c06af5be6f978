"""A small HTTP proxy that misbehaves on demand, as boxes on real networks do.

It stands between the browser and the server, and its fault can be changed while it runs:

    pass            hands everything on
    black-hole      accepts, forwards nothing; established streams fall silent, and stay so
    reset           answers every connection with a TCP reset; established ones get one too
    502             what a reverse proxy says while the server restarts; established streams end
    html            a captive portal: every answer is 200 and a page; established streams end
    buffer          holds the body of an event stream back until it ends (hold_headers: headers too)
    cut             ends an answer that has been silent for `seconds`, as proxies' time-outs do
    slow            lets answers through at `rate` bytes a second
    drop-response   hands a POST, PUT, PATCH or DELETE on, then loses the answer

`match` narrows a fault to the requests in whose head the pattern is found; others pass. When the
server cannot be reached, the proxy answers 502 by itself.

In tests: `with FaultProxy(host, port) as proxy: proxy.set("buffer", match="event-stream")`.
From a shell: `python -m e2e.fault_proxy --listen 127.0.0.1:9000 --upstream 127.0.0.1:8000
--control 127.0.0.1:9001`, then `curl -d '{"mode": "buffer"}' http://127.0.0.1:9001/`.

One request a connection, which keeps it simple; it is for tests, so it binds to what it is told.
"""

import argparse
import asyncio
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, TypeVar, get_args
from urllib.parse import urlsplit

Mode = Literal[
    "pass", "black-hole", "reset", "502", "html", "buffer", "cut", "slow", "drop-response"
]
Address = tuple[str, int]
T = TypeVar("T")

HEAD_LIMIT = 64 * 1024
HELD_LIMIT = 8 * 1024 * 1024  # a buffering proxy that has held this much gives the stream up
REQUESTS_KEPT = 10_000
PIECE = 16 * 1024
SILENCE = 600.0  # nothing is held longer than this
PORTAL = b"<!doctype html><title>Welcome</title><h1>Please accept the terms of this network</h1>"


@dataclass(frozen=True)
class Fault:
    """What the proxy does wrong, and to which requests."""

    mode: Mode = "pass"
    match: str = ""
    seconds: float = 5.0
    rate: float = 1024.0
    hold_headers: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}")
        if not 0 < self.seconds <= SILENCE:
            raise ValueError(f"seconds must be above 0 and at most {SILENCE:g}")
        if self.rate <= 0:
            raise ValueError("rate must be above 0")
        re.compile(self.match)

    def hits(self, request: "Request") -> bool:
        if self.mode == "drop-response" and request.method in ("GET", "HEAD", "OPTIONS"):
            return False
        return re.search(self.match, request.head, re.IGNORECASE) is not None


PASS = Fault()


@dataclass(frozen=True)
class Request:
    """One request that came by; `at` is the monotonic clock's."""

    head: str
    at: float

    @property
    def method(self) -> str:
        return self.head.partition(" ")[0]

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    @property
    def wants_stream(self) -> bool:
        return "text/event-stream" in self.head.lower()


@dataclass(eq=False)
class Exchange:
    """One request under way, and what has been done to it."""

    request: Request
    client: asyncio.StreamWriter
    silent: bool = False
    held: list[bytes] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    def end(self) -> None:
        self.client.close()
        self.stop()

    def reset(self) -> None:
        abort(self.client)
        self.stop()

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()


def abort(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset instead of an orderly end."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answer(status: str, body: bytes, content_type: str) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def closing(head: bytes) -> bytes:
    """The head with `Connection: close`: an answer is to end with its connection."""
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    kept = [line for line in lines if not line.lower().startswith("connection:")]
    return "\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1")


class ProxyServer:
    """The proxy itself; lives on one event loop."""

    def __init__(self, upstream: Address) -> None:
        self.upstream = upstream
        self.fault = PASS
        self.requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self._exchanges: set[Exchange] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._changed = asyncio.Event()

    async def start(self, listen: Address, control: Address | None = None) -> Address:
        server = await asyncio.start_server(self._accept, *listen, limit=HEAD_LIMIT)
        self._servers.append(server)
        if control is not None:
            self._servers.append(await asyncio.start_server(self._control, *control))
        host, port = server.sockets[0].getsockname()[:2]
        return host, port

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for handler in self._handlers:
            handler.cancel()  # which resets its connection
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def set(self, fault: Fault) -> None:
        """From now on do this; what is established is hit too, as the module's text says."""
        self.fault = fault
        for exchange in list(self._exchanges):
            if not fault.hits(exchange.request):
                continue
            if fault.mode == "reset":
                exchange.reset()
            elif fault.mode in ("502", "html"):
                exchange.end()
            elif fault.mode == "black-hole":
                exchange.silent = True
        self._changed.set()
        self._changed = asyncio.Event()

    def cut(self, match: str = "") -> int:
        """End what is established and matches, once; how many that were."""
        fault = Fault(match=match)
        hit = [exchange for exchange in self._exchanges if fault.hits(exchange.request)]
        for exchange in hit:
            exchange.end()
        return len(hit)

    def fault_for(self, request: Request) -> Fault:
        return self.fault if self.fault.hits(request) else PASS

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENCE)
            request = Request(head.decode("latin-1"), time.monotonic())
            self.requests.append(request)
            exchange = Exchange(request, writer, task=handler)
            self._exchanges.add(exchange)
            try:
                await self._handle(exchange, reader, head)
            finally:
                self._exchanges.discard(exchange)
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            pass  # the other side went away: nobody is left to tell
        except asyncio.CancelledError:
            if handler.cancelling() and not writer.is_closing():
                abort(writer)
        finally:
            self._handlers.discard(handler)
            writer.close()

    async def _handle(self, exchange: Exchange, reader: asyncio.StreamReader, head: bytes) -> None:
        client = exchange.client
        mode = self.fault_for(exchange.request).mode
        if mode == "black-hole":
            exchange.silent = True
            await self._swallow(reader)
        elif mode == "reset":
            abort(client)
        elif mode == "502":
            await self._say(client, answer("502 Bad Gateway", b"<h1>502</h1>", "text/html"))
        elif mode == "html":
            await self._say(client, answer("200 OK", PORTAL, "text/html"))
        else:
            await self._forward(exchange, reader, head)

    async def _say(self, client: asyncio.StreamWriter, data: bytes) -> None:
        client.write(data)
        await client.drain()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        """Take what comes and say nothing, until the client gives up."""
        async with asyncio.timeout(SILENCE):
            while await reader.read(PIECE):
                pass

    async def _forward(self, exchange: Exchange, reader: asyncio.StreamReader, head: bytes) -> None:
        try:
            server, upstream = await asyncio.open_connection(*self.upstream, limit=HEAD_LIMIT)
        except OSError:
            await self._say(exchange.client, answer("502 Bad Gateway", b"", "text/html"))
            return
        upstream.write(closing(head))
        up = asyncio.create_task(self._pump_up(exchange, reader, upstream))
        down = asyncio.create_task(self._pump_down(exchange, server))
        try:
            # The first to end ends both: the client has left, or the answer is complete.
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.silent:
                await asyncio.wait({up}, timeout=SILENCE)  # the end is not heard either
        finally:
            upstream.close()
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _pump_up(
        self, exchange: Exchange, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(PIECE):
            if not exchange.silent:
                upstream.write(data)
                await upstream.drain()

    async def _pump_down(self, exchange: Exchange, server: asyncio.StreamReader) -> None:
        head = await self._read(exchange, server, head=True)
        head = closing(head) if head else head
        streams = b"text/event-stream" in head.lower()
        if not self._holds(exchange, streams) or not self.fault.hold_headers:
            await self._deliver(exchange, head)
        else:
            exchange.held.append(head)
        while data := await self._read(exchange, server):
            if self._holds(exchange, streams):
                exchange.held.append(data)
                if sum(map(len, exchange.held)) > HELD_LIMIT:
                    return
            else:
                await self._deliver(exchange, data)
        await self._deliver(exchange, b"")

    def _holds(self, exchange: Exchange, streams: bool) -> bool:
        return streams and self.fault_for(exchange.request).mode == "buffer"

    async def _read(
        self, exchange: Exchange, server: asyncio.StreamReader, *, head: bool = False
    ) -> bytes:
        """The next piece of the answer; nothing when it has ended or is to be cut here."""
        reading = asyncio.create_task(server.readuntil(b"\r\n\r\n") if head else server.read(PIECE))
        try:
            while not reading.done():
                fault = self.fault_for(exchange.request)
                changed = asyncio.create_task(self._changed.wait())
                limit = fault.seconds if fault.mode == "cut" else SILENCE
                done, _ = await asyncio.wait(
                    {reading, changed}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
                )
                changed.cancel()
                if not done:
                    exchange.end()
                    return b""
            return reading.result()
        finally:
            reading.cancel()

    async def _deliver(self, exchange: Exchange, data: bytes) -> None:
        data = b"".join([*exchange.held, data])
        exchange.held.clear()
        fault = self.fault_for(exchange.request)
        if exchange.silent or fault.mode == "drop-response":
            return
        step = max(1, int(fault.rate / 10)) if fault.mode == "slow" else len(data) or 1
        for start in range(0, len(data), step):
            exchange.client.write(data[start : start + step])
            await exchange.client.drain()
            if fault.mode == "slow":
                await asyncio.sleep(0.1)

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """`GET /` tells the fault and the count of requests; a POSTed JSON object sets a fault."""
        try:
            async with asyncio.timeout(10):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                status, said = self._command(head, body)
                text = json.dumps(said).encode() + b"\n"
                await self._say(writer, answer(status, text, "application/json"))
        except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            writer.close()

    def _command(self, head: str, body: bytes) -> tuple[str, dict[str, Any]]:
        if not head.startswith("GET "):
            try:
                self.set(Fault(**json.loads(body)))
            except (TypeError, ValueError, re.error) as error:
                return "400 Bad Request", {"error": str(error)}
        state = {**asdict(self.fault), "requests": len(self.requests)}
        return "200 OK", {**state, "established": len(self._exchanges)}


class FaultProxy:
    """The proxy on a thread of its own, for tests, which are synchronous."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._server: ProxyServer
        self.url = ""

    @classmethod
    def before(cls, url: str) -> Self:
        """One in front of the server at this address."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)

    def __enter__(self) -> Self:
        self._thread.start()
        host, port = self._call(self._start())
        self.url = f"http://{host}:{port}"
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
    ) -> None:
        fault = Fault(mode, match, seconds, rate, hold_headers)
        self._tell(lambda: self._server.set(fault))

    def cut(self, match: str = "") -> int:
        return self._tell(lambda: self._server.cut(match))

    def requests(self, match: str = "") -> list[Request]:
        """What came by so far, oldest first."""
        fault = Fault(match=match)
        kept = self._tell(lambda: list(self._server.requests))
        return [request for request in kept if fault.hits(request)]

    async def _start(self) -> Address:
        self._server = ProxyServer(self._upstream)
        return await self._server.start(("127.0.0.1", 0))

    def _tell(self, act: Callable[[], T]) -> T:
        async def on_the_loop() -> T:
            return act()

        return self._call(on_the_loop())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


async def serve(listen: Address, upstream: Address, control: Address | None, fault: Fault) -> None:
    proxy = ProxyServer(upstream)
    host, port = await proxy.start(listen, control)
    proxy.set(fault)
    print(f"fault proxy on http://{host}:{port}, mode {fault.mode}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await proxy.close()


def main() -> None:
    summary, _, details = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m e2e.fault_proxy",
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--listen", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--upstream", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--control", type=address, metavar="HOST:PORT")
    parser.add_argument("--mode", choices=get_args(Mode), default="pass")
    parser.add_argument("--match", default="", help="only requests whose head has this pattern")
    parser.add_argument("--seconds", type=float, default=5.0, help="for cut")
    parser.add_argument("--rate", type=float, default=1024.0, help="for slow: bytes a second")
    parser.add_argument("--hold-headers", action="store_true", help="for buffer")
    given = parser.parse_args()
    fault = Fault(given.mode, given.match, given.seconds, given.rate, given.hold_headers)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(given.listen, given.upstream, given.control, fault))


if __name__ == "__main__":
    main()
