"""HTTP/2 connections whose clients stall, leave, or do what nobody should."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests import certificates
from tests.conftest import Server, wait_until
from tests.http2 import Client
from tests.stream.test_streams import create, rss

STREAM = ("accept", "text/event-stream")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    return certificates.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(make_server: Callable[..., Server], files: certificates.Files) -> Iterator[Server]:
    server = make_server(*files.flags, "--send-timeout", "3", "--max-body", "1000000")
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log()


@pytest.fixture
def http(server: Server, files: certificates.Files) -> Iterator[httpx.Client]:
    verify = ssl.create_default_context(cafile=files.cert)
    with httpx.Client(base_url=server.url, verify=verify, timeout=30) as client:
        yield client


@pytest.fixture
def log(http: httpx.Client) -> tuple[str, bytes]:
    """The address of a log of 40 MB, and its text."""
    task = create(http)
    text = b"".join(b"%09d %s\n" % (n, b"x" * 989) for n in range(40_000))
    http.post(
        f"/api/tasks/{task}/logs", content=text, headers={"Content-Type": "text/plain"}
    ).raise_for_status()
    return f"/api/tasks/{task}/logs?format=text", text


def test_a_download_waits_for_its_client(
    server: Server, log: tuple[str, bytes], files: certificates.Files
) -> None:
    """As Hypercorn alone has it, all of it would be in memory at once."""
    path, text = log
    before = rss(server)
    with Client(server.url, files.cert, reads=False) as client:
        stream = client.ask(path)
        client.until(lambda: len(client.bodies[stream]) == 65535)
        for _ in range(8):  # longer than the send time-out in all, but never that long at once
            client.open_window(stream, 100_000)
            wanted = len(client.bodies[stream]) + 100_000
            client.until(lambda wanted=wanted: len(client.bodies[stream]) == wanted)  # type: ignore[misc]
            client.receive(0.5)
        assert rss(server) - before < 20_000
        client._reads = True
        client.open_window(stream, 2**30)
        assert client.finish(stream, 60) == text


def test_a_download_nobody_takes_is_dropped(
    server: Server, log: tuple[str, bytes], files: certificates.Files
) -> None:
    path, text = log
    with Client(server.url, files.cert, reads=False) as client:
        for _ in range(5):
            client.ask(path)
        began = time.monotonic()
        client.until(lambda: len(client.reset) == 5, 30)
        assert time.monotonic() - began > 2.5
        assert not client.ended
        # The connection is alive, and others never noticed.
        with Client(server.url, files.cert) as other:
            assert other.finish(other.ask(path), 60) == text


def test_one_stalled_stream_does_not_hold_up_the_others_of_its_connection(
    server: Server, http: httpx.Client, files: certificates.Files
) -> None:
    with Client(server.url, files.cert, reads=False) as client:
        stalled = client.ask("/events/system", headers=[STREAM])
        client.until(lambda: b"HELLO" in client.bodies[stalled])
        # Its own window is shut, the connection's is not.
        for _ in range(3):
            http.post("/api/events", json={"name": "n", "data": {"pad": "x" * 40_000}})
        client.until(lambda: len(client.bodies[stalled]) >= 65_000)
        client._h2.increment_flow_control_window(2**24)
        client.flush()
        assert b"ok" in client.finish(client.ask("/healthz"))
        assert b"data-root" in client.finish(client.ask("/tasks"))
        client.until(lambda: stalled in client.reset)
        wait_until(lambda: http.get("/healthz").json()["streams"] == 0)


def test_what_clients_leave_is_forgotten(
    server: Server, http: httpx.Client, files: certificates.Files
) -> None:
    """More than a thousand: no more fit into Hypercorn's list of priorities."""
    cursor = http.get("/events/system").json()["cursor"]
    with Client(server.url, files.cert) as client:
        for _ in range(30):
            streams = [client.ask("/events/system", headers=[STREAM]) for _ in range(25)]
            streams += [client.ask(f"/events/logs?after={cursor}&wait=20") for _ in range(25)]
            client.until(lambda streams=streams: all(s in client.status for s in streams[:25]))  # type: ignore[misc]
            for stream in streams:
                client.cancel(stream)
        assert b"ok" in client.finish(client.ask("/healthz"))
        wait_until(lambda: http.get("/healthz").json()["streams"] == 0)


def test_a_body_may_go_on_after_its_refusal(server: Server, files: certificates.Files) -> None:
    with Client(server.url, files.cert) as client:
        kind = ("content-type", "application/json")
        stream = client.ask("/api/tasks", "POST", end=False, headers=[kind])
        for _ in range(100):
            client.send(stream, b"x" * 16_000)
            client.receive(0.001)
        client.finish(stream)
        assert client.status[stream] == 413
        if stream not in client.reset:
            client.send(stream, b"x" * 1000, end=True)
        assert b"ok" in client.finish(client.ask("/healthz"))


@pytest.mark.parametrize("path", ["/caf\xe9", "*", "//", "/%ff", "?x", "%61://["])
def test_odd_targets(server: Server, files: certificates.Files, path: str) -> None:
    with Client(server.url, files.cert) as client:
        stream = client.ask(path)
        client.until(lambda: stream in client.ended or stream in client.reset)
        assert client.status.get(stream, 404) in (302, 404)
        assert b"ok" in client.finish(client.ask("/healthz"))


def test_connect_is_no_way_through(server: Server, files: certificates.Files) -> None:
    with Client(server.url, files.cert) as client:
        stream = client._h2.get_next_available_stream_id()
        client.bodies[stream] = bytearray()
        client._h2.send_headers(
            stream, [(":method", "CONNECT"), (":authority", "evil.example:443")], end_stream=True
        )
        client.flush()
        client.until(lambda: stream in client.ended or stream in client.reset)
        assert b"ok" in client.finish(client.ask("/healthz"))


def test_without_tls_too(make_server: Callable[..., Server], tmp_path: Path) -> None:
    """HTTP/2 with prior knowledge, as proxies speak it."""
    server = make_server()
    with httpx.Client(http1=False, http2=True) as client:
        answer = client.get(f"{server.url}/healthz")
        assert answer.http_version == "HTTP/2"
