"""A plain SSE reader for tests: its own socket reads, so that what arrives is what was sent."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

TIMEOUT = httpx.Timeout(10, read=40)


@dataclass(frozen=True)
class Frame:
    event: str
    id: str
    data: dict[str, Any]
    raw: str

    @property
    def seq(self) -> int:
        return int(self.id.rpartition("-")[2])


def frames(chunks: Iterator[str]) -> Iterator[Frame]:
    """Split a stream at blank lines; only LF ends a line here (see the HTML Standard, 9.2)."""
    buffer = ""
    for chunk in chunks:
        buffer += chunk
        while "\n\n" in buffer:
            raw, buffer = buffer.split("\n\n", 1)
            fields: dict[str, str] = {}
            for line in raw.split("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
            yield Frame(
                fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]), raw
            )


@dataclass
class Reader:
    """Follows topics in a thread; ``resume`` reopens from the last id whenever the stream ends."""

    url: str
    topics: str
    after: str | None = None
    resume: bool = False
    query: str = ""
    sends: dict[str, str] = field(default_factory=dict)  # further headers
    options: dict[str, Any] = field(default_factory=dict)  # of the client
    seen: list[Frame] = field(default_factory=list)
    headers: httpx.Headers | None = None
    status: int = 0
    ended: bool = False
    error: Exception | None = None

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _run(self) -> None:
        cursor = self.after
        while not self._stop.is_set():
            try:
                for frame in self._frames(cursor):
                    cursor = frame.id or cursor
                    with self._changed:
                        self.seen.append(frame)
                        self._changed.notify_all()
                    if self._stop.is_set():
                        return
            except (httpx.HTTPError, OSError) as error:
                self.error = error
            if not self.resume:
                break
            self._stop.wait(0.02)
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _frames(self, cursor: str | None) -> Iterator[Frame]:
        headers = {"Accept": "text/event-stream", **self.sends}
        if cursor:
            headers["Last-Event-ID"] = cursor
        address = f"{self.url}/events/{self.topics}?{self.query}"
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=False, **self.options) as client,
            client.stream("GET", address, headers=headers) as response,
        ):
            self.status, self.headers = response.status_code, response.headers
            self._socket = response.extensions["network_stream"].get_extra_info("socket")
            if response.status_code == 200:
                yield from frames(response.iter_text())

    def wait(self, condition: Callable[[list[Frame]], Any], seconds: float = 30) -> list[Frame]:
        """All frames so far, once ``condition`` holds of them; AssertionError after a time."""
        with self._changed:
            met = self._changed.wait_for(lambda: condition(self.seen), seconds)
            assert met, f"not within {seconds} s; seen: {[f.raw for f in self.seen[-5:]]}"
            return list(self.seen)

    def wait_count(self, count: int, seconds: float = 30) -> list[Frame]:
        """All frames, once there are ``count`` of them."""
        return self.wait(lambda seen: len(seen) >= count, seconds)

    def wait_for(self, event: str, count: int = 1, seconds: float = 30) -> Frame:
        """The ``count``-th frame of that name."""

        def found(seen: list[Frame]) -> bool:
            return sum(frame.event == event for frame in seen) >= count

        seen = self.wait(found, seconds)
        return [frame for frame in seen if frame.event == event][count - 1]

    def wait_end(self, seconds: float = 30) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended, seconds), "the stream did not end"

    @property
    def events(self) -> list[Frame]:
        """Without stream control."""
        control = {"HELLO", "HEARTBEAT", "RESET", "END"}
        return [frame for frame in self.seen if frame.event not in control]
