"""Answers that come before the request has been sent to its end."""

from __future__ import annotations

import socket

import httpx
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


@pytest.mark.parametrize(
    ("kind", "query", "line", "status"),
    [
        ("application/x-ndjson", "", b'{"text": "' + b"x" * 65526, 413),
        ("application/x-ndjson", "", b'nonsense\n{"text": "x"}\n', 400),
        ("text/plain", "?attempt=7", b"x\n", 409),
        ("text/plain", "?level=loud", b"x\n", 422),
        ("text/plain", "?producer=p&batch=1", b"x\n", 200),
    ],
)
def test_a_log_that_is_not_stored_leaves_the_connection_as_it_was(
    http: httpx.Client, kind: str, query: str, line: bytes, status: int
) -> None:
    """The answer is there before the log has been sent, of which nobody reads the rest."""
    task = http.post("/api/tasks", json={"name": "x"}).json()["id"]
    path = f"/api/tasks/{task}/logs"
    http.post(f"{path}?producer=p&batch=1", content=b"x\n", headers={"Content-Type": "text/plain"})
    for size in (3 * 2**19, 2**21, 2**23):
        content = line * (size // len(line))
        answer = http.post(path + query, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status, answer.text
        assert http.get("/healthz").status_code == 200


def test_an_endless_log_is_answered_while_it_is_sent(server: Server, http: httpx.Client) -> None:
    task = http.post("/api/tasks", json={"name": "x"}).json()["id"]
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    head = (
        f"POST /api/tasks/{task}/logs?attempt=7 HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(head.encode())
        for _ in range(200):
            client.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 409")
