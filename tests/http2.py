"""An HTTP/2 client that does exactly what it is told: it can leave its windows shut."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
from h2.errors import ErrorCodes

Headers = Iterable[tuple[str, str]]


class Client:
    """One connection to `url`. `reads` False: no window is ever opened again."""

    def __init__(self, url: str, authority: Path, *, reads: bool = True) -> None:
        host, _, port = url.removeprefix("https://").rpartition(":")
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection((host, int(port)), timeout=30)
        self._socket = context.wrap_socket(plain, server_hostname=host)
        assert self._socket.selected_alpn_protocol() == "h2"
        self._reads = reads
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._h2.initiate_connection()
        self.status: dict[int, int] = {}
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytearray] = {}
        self.ended: set[int] = set()
        self.reset: dict[int, ErrorCodes | int] = {}
        self.goodbye = False  # GOAWAY
        self.reason: ErrorCodes | int | None = None  # of it
        self.closed = False
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def flush(self) -> None:
        self.send_bytes(self._h2.data_to_send())

    def send_bytes(self, data: bytes) -> None:
        """As they are, past what the protocol allows."""
        self._socket.sendall(data)

    def ask(
        self, path: str, method: str = "GET", *, end: bool = True, headers: Headers = ()
    ) -> int:
        """Send a request; the number of its stream."""
        stream: int = self._h2.get_next_available_stream_id()
        known = [(":method", method), (":path", path), (":scheme", "https")]
        known.append((":authority", "localhost"))
        self._h2.send_headers(stream, [*known, *headers], end_stream=end)
        self.bodies[stream] = bytearray()
        self.flush()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        self.until(lambda: self._h2.local_flow_control_window(stream) >= len(data))
        self._h2.send_data(stream, data, end_stream=end)
        self.flush()

    def cancel(self, stream: int) -> None:
        self._h2.reset_stream(stream, ErrorCodes.CANCEL)
        self.flush()

    def open_window(self, stream: int, size: int) -> None:
        self._h2.increment_flow_control_window(size)
        self._h2.increment_flow_control_window(size, stream)
        self.flush()

    def until(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """Receive until it is true; fails after a time, or when the connection ends."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            left = deadline - time.monotonic()
            assert left > 0, f"not within {seconds} s"
            assert not self.closed, "the connection was closed"
            self.receive(left)
        return value

    def receive(self, seconds: float) -> None:
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            self.closed = True
            return
        for event in self._h2.receive_data(data):
            self._take(event)
        self.flush()

    def finish(self, stream: int, seconds: float = 30) -> bytes:
        """The whole body."""
        self.until(lambda: stream in self.ended or stream in self.reset, seconds)
        assert stream in self.ended, f"reset: {self.reset}"
        return bytes(self.bodies[stream])

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                fields = {name.decode(): value.decode() for name, value in event.headers or ()}
                self.status[event.stream_id or 0] = int(fields[":status"])
                self.headers[event.stream_id or 0] = fields
            case h2.events.DataReceived():
                self.bodies[event.stream_id or 0] += event.data or b""
                if self._reads:
                    self._h2.acknowledge_received_data(
                        event.flow_controlled_length or 0, event.stream_id or 0
                    )
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id or 0)
            case h2.events.StreamReset():
                self.reset[event.stream_id or 0] = event.error_code or 0
            case h2.events.ConnectionTerminated():
                self.goodbye = True
                self.reason = event.error_code
