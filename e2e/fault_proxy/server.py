"""The proxy itself; lives on one event loop."""

import asyncio
import json
import re
import socket
import struct
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from e2e.fault_proxy.fault import PASS, SILENCE, Fault
from e2e.fault_proxy.request import Request
from e2e.fault_proxy.upstream import HEAD_LIMIT, Upstream, closing

Address = tuple[str, int]

HELD_LIMIT = 8 * 1024 * 1024  # a buffering proxy that has held this much gives the stream up
REQUESTS_KEPT = 10_000
PIECE = 16 * 1024
PORTAL = b"<!doctype html><title>Welcome</title><h1>Please accept the terms of this network</h1>"


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


def refusal(status: int) -> bytes:
    body = json.dumps({"type": "about:blank", "title": "Refused", "status": status}).encode()
    return answer(f"{status} Refused", body, "application/problem+json")


class ProxyServer:
    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.fault = PASS
        self.requests: deque[Request] = deque(maxlen=REQUESTS_KEPT)
        self._exchanges: set[Exchange] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._changed = asyncio.Event()
        self._arrived = asyncio.Condition()

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
            elif fault.mode in ("502", "refuse", "html"):
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

    def seen(self, match: str = "") -> list[Request]:
        """The requests with this pattern in their head, oldest first."""
        fault = Fault(match=match)
        return [request for request in self.requests if fault.hits(request)]

    async def wait_for(self, match: str, count: int) -> None:
        """Wait until so many requests that match have come by."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.seen(match)) >= count)

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
            async with self._arrived:
                self._arrived.notify_all()
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
        elif mode == "refuse":
            await self._say(client, refusal(self.fault.status))
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
            server, upstream = await self.upstream.connect()
        except OSError:
            await self._say(exchange.client, answer("502 Bad Gateway", b"", "text/html"))
            return
        upstream.write(self.upstream.asked(head))
        up = asyncio.create_task(self._pump_up(exchange, reader, upstream))
        down = asyncio.create_task(self._pump_down(exchange, server))
        try:
            # The first to end ends both: the client has left, or the answer is complete.
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.silent:
                await asyncio.wait({up}, timeout=SILENCE)  # the end is not heard either
        finally:
            if self.upstream.tls is None:
                upstream.close()
            else:
                upstream.transport.abort()  # TLS would say goodbye first, and wait for an answer
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
                try:
                    done, _ = await asyncio.wait(
                        {reading, changed}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
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
