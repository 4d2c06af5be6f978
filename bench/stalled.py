"""What a client that reads nothing costs: memory of the server while 20 MB and more are published.

The server is filled first, with one client that reads everything, so that its own windows and
buffers do not count.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contenders import NAIVE, OURS, RAW, Contender
from bench.figures import Figures
from bench.process import memory_kb

EVENT = 8000  # bytes
VOLUME = 20_000_000
FILL = 45_000_000  # more than the window of LiveQueue holds
IN_FLIGHT = 32
PATIENCE = 60.0  # seconds for an event to arrive


class Reader(threading.Thread):
    """Reads one stream and counts the events in it."""

    def __init__(self, server: Contender) -> None:
        super().__init__(daemon=True)
        self._connection = _subscribe(server)
        self._room = threading.Semaphore(IN_FLIGHT)

    def take_turn(self) -> None:
        if not self._room.acquire(timeout=PATIENCE):
            raise RuntimeError("published events do not arrive")

    def settle(self) -> None:
        """Wait until everything has arrived."""
        for _ in range(IN_FLIGHT):
            self.take_turn()
        self._room.release(IN_FLIGHT)

    def run(self) -> None:
        with contextlib.suppress(ConnectionError):  # the server may be quicker to go
            while data := self._connection.recv(1 << 18):
                for _ in range(data.count(b"@")):
                    self._room.release()

    def close(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)
        self.join()
        self._connection.close()


def _subscribe(server: Contender, receive_buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", server.port))
    request = f"GET {server.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
    connection.sendall(request.encode())
    return connection


def _event(server: Contender) -> bytes:
    body = b'{"mark":"@","pad":"%b"}' % (b"x" * EVENT)
    if server.over_http:
        return b"POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    return body + b"\n"


def _publish(server: Contender, reader: Reader, volume: int) -> None:
    event = _event(server)
    with socket.create_connection(("127.0.0.1", server.publish_port)) as publisher:
        publisher.settimeout(PATIENCE)
        for _ in range(volume // EVENT):
            reader.take_turn()
            publisher.sendall(event)
            if server.over_http:
                publisher.recv(1 << 16)
        reader.settle()


def _measure(server: Contender, clients: int) -> dict[str, float]:
    """kB a stalled client: after the volume, and after the same once more."""
    with ExitStack() as stack:
        reader = Reader(server)
        stack.callback(reader.close)
        reader.start()
        time.sleep(0.5)
        _publish(server, reader, FILL)
        before = memory_kb(server.pids)
        for _ in range(clients):
            stack.enter_context(_subscribe(server, receive_buffer=4096))
        time.sleep(1)
        grown = []
        for _ in range(2):
            _publish(server, reader, VOLUME)
            grown.append((memory_kb(server.pids) - before) / clients)
    return {"kb": grown[0], "kb_twice": grown[1]}


def run(figures: Figures, clients: int) -> None:
    """nchan is left out: with such clients its publishing slows down to a crawl."""
    for kind in (OURS, NAIVE, RAW):
        with TemporaryDirectory(prefix="bench-") as folder, kind.start(Path(folder)) as server:
            result = _measure(server, clients)
        figures.add(f"stalled/{kind.name}", result)
        print(
            f"stalled clients: {clients} on {kind.name:7} {result['kb']:6.0f} kB each after "
            f"20 MB, {result['kb_twice']:6.0f} kB after 40 MB",
            flush=True,
        )
