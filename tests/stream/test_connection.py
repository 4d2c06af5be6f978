"""Answers that come before the request has been sent to its end."""

from __future__ import annotations

import socket

import pytest

from tests.conftest import Server


@pytest.mark.parametrize(
    ("headers", "length", "status"),
    [
        ("Content-Type: application/json\r\nOrigin: http://evil.example\r\n", 200_000, 403),
        ("Content-Type: image/png\r\n", 200_000, 415),
        ("Content-Type: application/json\r\n", 17 * 2**20, 413),
    ],
)
def test_a_refused_body_is_taken_in_so_that_the_answer_arrives(
    server: Server, headers: str, length: int, status: int
) -> None:
    """The body comes after the refusal could have been sent; the client must not be cut off."""
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    head = (
        f"POST /api/tasks HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n"
    )
    for _ in range(5):
        with socket.create_connection(address, timeout=10) as client:
            client.sendall(head.encode())
            for _ in range(0, length, 100_000):
                client.sendall(b" " * min(100_000, length))
            answer = client.recv(1000)
        assert answer.startswith(f"HTTP/1.1 {status}".encode())
