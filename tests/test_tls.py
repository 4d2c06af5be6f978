"""HTTPS: HTTP/1.1 and HTTP/2 over one port, the certificate's errors, and its renewal."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import certificates
from tests.conftest import STOP_WITHIN, Server, serving, wait_until
from tests.http2 import Client
from tests.sse import Reader
from tests.stream.test_streams import create, rss
from tests.test_serve import refused

PAD = {"name": "n", "message": "m", "data": {"pad": "x" * 50_000}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Files:
    return certificates.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def trust(files: certificates.Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.cert)


@pytest.fixture(scope="module")
def secure(files: certificates.Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("secure"), *files.flags) as server:
        yield server


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def options(request: pytest.FixtureRequest, files: certificates.Files) -> dict[str, Any]:
    """For a client that speaks the one or the other."""
    # A context remembers the protocols it offered last, so each client has its own.
    context = ssl.create_default_context(cafile=files.cert)
    return {"verify": context, "http2": request.param == "HTTP/2"}


def test_both_protocols_are_offered(secure: Server, options: dict[str, Any]) -> None:
    with httpx.Client(base_url=secure.url, **options, timeout=30) as http:
        answer = http.get("/healthz")
        assert answer.status_code == 200
        assert answer.http_version == ("HTTP/2" if options["http2"] else "HTTP/1.1")
        assert "Strict-Transport-Security" not in answer.headers
        assert secure.url.startswith("https://")


def test_pages_api_and_downloads(secure: Server, options: dict[str, Any]) -> None:
    with httpx.Client(base_url=secure.url, **options, timeout=30) as http:
        task = create(http, name="over TLS")
        text = "".join(f"line {n} {'x' * 200}\n" for n in range(20_000))
        http.post(
            f"/api/tasks/{task}/logs", content=text, headers={"Content-Type": "text/plain"}
        ).raise_for_status()
        assert http.get(f"/api/tasks/{task}/logs?format=text").text == text
        page = http.get(f"/tasks/{task}")
        assert "over TLS" in page.text
        assert "connection" not in page.headers
        assert f">{secure.url}</span>" in http.get("/tasks").text
        own = {"Origin": secure.url}
        assert http.post("/api/tasks", json={"name": "x"}, headers=own).status_code == 201


def test_streams_and_polls(secure: Server, options: dict[str, Any]) -> None:
    with (
        httpx.Client(base_url=secure.url, **options, timeout=30) as http,
        Reader(secure.url, "system", options=options) as reader,
        ThreadPoolExecutor(1) as pool,
    ):
        reader.wait_for("HELLO")
        assert reader.headers is not None
        assert "transfer-encoding" not in reader.headers or not options["http2"]
        cursor = http.get("/events/system").json()["cursor"]
        waiting = pool.submit(http.get, "/events/system", params={"after": cursor, "wait": 10})
        task = create(http)
        assert reader.wait_for("TASK_CREATED").data["data"]["id"] == task
        assert waiting.result().json()["events"][0]["data"]["id"] == task


def test_every_stream_gets_every_event_once(
    make_server: Callable[..., Server], files: certificates.Files
) -> None:
    """Waves are written past Hypercorn to the transport, which is another one under TLS."""
    server = make_server(*files.flags, "--wave-pause", "5")
    with ExitStack() as stack:
        readers = [
            stack.enter_context(
                Reader(
                    server.url,
                    "system,logs",
                    options={
                        "verify": ssl.create_default_context(cafile=files.cert),
                        "http2": number % 2 == 0,
                    },
                )
            )
            for number in range(6)
        ]
        verify = ssl.create_default_context(cafile=files.cert)
        http = stack.enter_context(httpx.Client(base_url=server.url, verify=verify, timeout=30))
        start = max(reader.wait_for("HELLO").seq for reader in readers)
        for number in range(1, 4):
            create(http, name=f"t{number}")

        def burst(step: int) -> None:
            task = step % 3 + 1
            size = 30_000 if step % 10 == 0 else 50  # some longer than one record of TLS
            lines = {"lines": [{"text": f"{step} {'y' * size}"} for _ in range(3)]}
            http.post(f"/api/tasks/{task}/logs", json=lines).raise_for_status()
            http.patch(f"/api/tasks/{task}", json={"message": str(step)}).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(burst, range(60)))
        with sqlite3.connect(server.database_path) as database:
            query = "SELECT seq FROM events WHERE seq > ? ORDER BY seq"
            wanted = [seq for (seq,) in database.execute(query, (start,))]
        database.close()
        for reader in readers:
            reader.wait_count(len(wanted) + 1)
            assert [frame.seq for frame in reader.events] == wanted


def test_many_streams_on_one_connection(secure: Server, files: certificates.Files) -> None:
    with Client(secure.url, files.cert) as client:
        streams = [client.ask("/events/system", headers=[STREAM]) for _ in range(99)]
        client.until(lambda: all(b"HELLO" in client.bodies[stream] for stream in streams))
        page = client.ask("/tasks")  # one more still has its turn
        assert b"data-root" in client.finish(page)
        verify = ssl.create_default_context(cafile=files.cert)
        httpx.post(f"{secure.url}/api/tasks", json={"name": "x"}, verify=verify, timeout=30)
        client.until(lambda: all(b"TASK_CREATED" in client.bodies[stream] for stream in streams))


STREAM = ("accept", "text/event-stream")


def test_a_connection_does_not_cost_much_more_than_without(
    make_server: Callable[..., Server], files: certificates.Files
) -> None:
    """As asyncio alone has it: 300 kB each."""
    server = make_server(*files.flags)
    with ExitStack() as stack:
        connections = [stack.enter_context(stalled(server, files)) for _ in range(50)]
        for connection in connections:
            connection.recv(1000)
        before = rss(server)
        connections = [stack.enter_context(stalled(server, files)) for _ in range(100)]
        for connection in connections:
            connection.recv(1000)
        assert (rss(server) - before) / 100 < 120


# A client that takes nothing


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_who_takes_nothing_costs_little_and_is_dropped(
    make_server: Callable[..., Server], files: certificates.Files, version: str
) -> None:
    """H22: on HTTP/2 its kernel acknowledges everything, but its window stays shut."""
    flags = ["--send-timeout", "2", "--window-bytes", "1000000"]
    server = make_server(*files.flags, *flags)
    options: dict[str, Any] = {
        "verify": ssl.create_default_context(cafile=files.cert),
        "http2": True,
    }
    with (
        httpx.Client(base_url=server.url, **options, timeout=30) as http,
        Reader(server.url, "system", options=options) as reader,
        ExitStack() as stack,
    ):
        reader.wait_for("HELLO")

        def publish(total: int) -> None:
            for _ in range(100):  # 5 MB
                http.post("/api/events", json=PAD).raise_for_status()
            reader.wait_count(total + 1)

        publish(100)
        before = rss(server)
        lazy: list[Client] = []
        for _ in range(20):
            if version == "2":
                client = stack.enter_context(Client(server.url, files.cert, reads=False))
                client.ask("/events/system", headers=[STREAM])
                lazy.append(client)
            else:
                stack.enter_context(stalled(server, files))
        wait_until(lambda: http.get("/healthz").json()["streams"] == 21)
        publish(200)
        assert rss(server) - before < 40_000
        wait_until(lambda: http.get("/healthz").json()["streams"] == 1, 20, "the stalled to go")
        for client in lazy:
            client.until(lambda client=client: client.reset)  # type: ignore[misc]
    assert "Traceback" not in server.log()
    assert server.stop() == 0


def stalled(server: Server, files: certificates.Files) -> socket.socket:
    """An HTTP/1.1 stream over TLS that nobody reads."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    context = ssl.create_default_context(cafile=files.cert)
    client = context.wrap_socket(plain, server_hostname="localhost")
    head = "GET /events/system HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    client.sendall(head.encode())
    return client


# The end


def test_streams_end_cleanly_when_the_server_stops(
    make_server: Callable[..., Server], files: certificates.Files
) -> None:
    """H03 over TLS, with clients that take nothing among them."""
    server = make_server(*files.flags)
    options: dict[str, Any] = {"verify": ssl.create_default_context(cafile=files.cert)}
    with (
        httpx.Client(base_url=server.url, **options, timeout=30) as http,
        Reader(server.url, "system", options=options) as reader,
        Client(server.url, files.cert) as client,
        Client(server.url, files.cert) as idle,
        Client(server.url, files.cert, reads=False) as lazy,
        stalled(server, files),
    ):
        reader.wait_for("HELLO")
        assert idle.finish(idle.ask("/healthz"))
        stream = client.ask("/events/system", headers=[STREAM])
        lazy.ask("/events/system", headers=[STREAM])
        client.until(lambda: b"HELLO" in client.bodies[stream])
        cursor = http.get("/events/system").json()["cursor"]
        poll = client.ask(f"/events/system?after={cursor}&wait=25")
        wait_until(lambda: http.get("/healthz").json()["streams"] == 5)
        for _ in range(60):
            http.post("/api/events", json=PAD).raise_for_status()
        client.finish(poll)
        poll = client.ask("/events/logs?after=" + cursor + "&wait=25")
        wait_until(lambda: http.get("/healthz").json()["streams"] == 5)
        server.process.send_signal(signal.SIGTERM)
        client.finish(stream)
        assert b'"events":[]' in client.finish(poll)
        client.until(lambda: client.goodbye or client.closed)
        reader.wait_end()
        assert reader.error is None
        assert server.process.wait(STOP_WITHIN) == 0
        while not idle.closed:
            idle.receive(5)
    assert "Traceback" not in server.log()


# The certificate


def test_wrong_files_are_named(files: certificates.Files, tmp_path: Path) -> None:
    other = certificates.make(tmp_path, "other")
    text = tmp_path / "text.pem"
    text.write_text("hello")
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-in", str(files.key), "-aes256", "-passout", "pass:x"]
    subprocess.run([*command, "-out", str(locked)], check=True, capture_output=True)
    cases = [
        ([files.cert, tmp_path / "none.pem"], "cannot read the keyfile"),
        ([tmp_path / "none.pem", files.key], "cannot read the certfile"),
        ([tmp_path, files.key], "cannot read the certfile"),
        ([files.cert, other.key], "is not the key of the certificate"),
        ([text, files.key], "(PEM)"),
        ([files.cert, text], "(PEM)"),
        ([files.key, files.cert], "(PEM)"),
        ([files.cert, locked], "has a passphrase"),
    ]
    for (cert, key), words in cases:
        flags = ["--certfile", str(cert), "--keyfile", str(key), "--db", str(tmp_path / "x.db")]
        assert words in refused(*flags, "--bind", "127.0.0.1:0"), (cert, key)
    assert "belong together" in refused("--certfile", str(files.cert))
    assert not (tmp_path / "x.db").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_may_not_be_read(files: certificates.Files, tmp_path: Path) -> None:
    secret = tmp_path / "secret.pem"
    secret.write_bytes(files.key.read_bytes())
    secret.chmod(0)
    message = refused("--certfile", str(files.cert), "--keyfile", str(secret))
    assert "Permission denied" in message


def serial(server: Server) -> str:
    port = int(server.url.rpartition(":")[2])
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_renewed_certificate_is_taken_without_a_restart(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    files = certificates.make(tmp_path)
    before = files.cert.read_text()
    server = make_server(*files.flags)
    assert serial(server) == before
    with Reader(
        server.url, "system", options={"verify": ssl.create_default_context(cafile=files.cert)}
    ) as reader:
        reader.wait_for("HELLO")
        renewed = certificates.make(tmp_path, "renewed")
        files.cert.write_bytes(renewed.cert.read_bytes())  # and not yet its key
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "is not renewed" in server.log())
        assert serial(server) == before
        files.key.write_bytes(renewed.key.read_bytes())
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: serial(server) == renewed.cert.read_text())
        verify = ssl.create_default_context(cafile=renewed.cert)
        httpx.post(f"{server.url}/api/tasks", json={"name": "x"}, verify=verify, timeout=30)
        reader.wait_for("TASK_CREATED")  # on the connection of before
    assert server.stop() == 0


def test_plain_http_and_noise_on_its_port_do_no_harm(secure: Server, trust: ssl.SSLContext) -> None:
    port = int(secure.url.rpartition(":")[2])
    for data in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", bytes(range(256)), b""):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                assert not client.recv(1000).startswith(b"HTTP")
    assert httpx.get(f"{secure.url}/healthz", verify=trust, timeout=30).status_code == 200
