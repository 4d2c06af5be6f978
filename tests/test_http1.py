"""Plain connections: when they end, and what does not become of them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conftest import Server, wait_until


def connect(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


@pytest.mark.parametrize("kind", ["idle", "answered", "half a request", "HTTP/2"])
def test_nothing_is_kept_of_connections_that_have_ended(server: Server, kind: str) -> None:
    """Hypercorn alone kept the file of each until it would have been idle for too long: 75 s."""
    begin = {
        "idle": b"",
        "answered": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "half a request": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    }[kind]

    def files() -> int:
        return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))

    before = files()
    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(begin)
            if kind in ("answered", "HTTP/2"):
                assert connection.recv(1000)
    wait_until(lambda: files() <= before + 2, what="their files to be closed")


@pytest.mark.parametrize("settings", ["AAMAAABkAAQAAP__", "!!!!", "AAMAAABkAAQAAP_"])
def test_a_request_does_not_become_http2(server: Server, settings: str) -> None:
    """Past the proxy that passed it on, that is."""
    with connect(server) as connection:
        head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        connection.sendall(f"{head}Upgrade: h2c\r\nHTTP2-Settings: {settings}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.stop() == 0
    assert "Traceback" not in server.log()
