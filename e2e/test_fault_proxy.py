"""The fault proxy does to a connection what each of its modes says, and only that."""

import gc
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx
import pytest

from e2e.fault_proxy import Fault, FaultProxy, Mode

SOON = 30.0  # seconds in which whatever is to come has come


class Origin(BaseHTTPRequestHandler):
    """A server with one page, one stream that is told when to speak, and a counter of POSTs."""

    protocol_version = "HTTP/1.1"
    speak = threading.Semaphore(0)
    posted: list[bytes]

    def do_GET(self) -> None:
        if self.path.startswith("/stream"):
            self.stream()
        else:
            self.reply(b"page")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posted.append(body)
        self.reply(body)

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"one\n")
        if self.speak.acquire(timeout=SOON):
            self.wfile.write(b"two\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[type[Origin]]:
    class Fresh(Origin):
        speak = threading.Semaphore(0)
        posted: list[bytes] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    Fresh.server_version = str(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Fresh
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def proxy(origin: type[Origin]) -> Iterator[FaultProxy]:
    with FaultProxy.before(f"http://127.0.0.1:{origin.server_version}") as running:
        yield running


@pytest.fixture
def http(proxy: FaultProxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=proxy.url, timeout=SOON, trust_env=False) as client:
        yield client


class Stream:
    """A raw reader of the stream, so that resets, ends and silence can be told apart."""

    def __init__(self, proxy: FaultProxy) -> None:
        address = httpx.URL(proxy.url)
        self.socket = socket.create_connection((address.host, address.port or 80), timeout=SOON)
        self.socket.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def until(self, text: bytes) -> None:
        while text not in self.seen:
            data = self.socket.recv(4096)
            assert data, f"ended before {text!r}: {self.seen!r}"
            self.seen += data

    def rest(self) -> bytes:
        while data := self.socket.recv(4096):
            self.seen += data
        return self.seen

    def is_silent(self, seconds: float = 0.3) -> bool:
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(4096) and False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(SOON)


def test_pass_hands_everything_on(proxy: FaultProxy, http: httpx.Client) -> None:
    assert http.get("/").text == "page"
    assert http.post("/", content=b"x" * 300_000).content == b"x" * 300_000
    assert [(seen.method, seen.target) for seen in proxy.requests()] == [
        ("GET", "/"),
        ("POST", "/"),
    ]


def test_pass_streams_as_it_comes(proxy: FaultProxy, origin: type[Origin]) -> None:
    with Stream(proxy) as stream:
        stream.until(b"one\n")
        assert b"two" not in stream.seen
        origin.speak.release()
        assert stream.rest().endswith(b"one\ntwo\n")


def test_black_hole_takes_and_says_nothing(proxy: FaultProxy, http: httpx.Client) -> None:
    proxy.set("black-hole")
    with pytest.raises(httpx.ReadTimeout):
        http.get("/", timeout=0.3)


def test_black_hole_silences_a_stream_for_good(proxy: FaultProxy, origin: type[Origin]) -> None:
    with Stream(proxy) as stream:
        stream.until(b"one\n")
        proxy.set("black-hole")
        origin.speak.release()
        assert stream.is_silent()
        proxy.set("pass")
        assert stream.is_silent(), "not even the end may be heard"


def test_reset_hits_new_and_established(proxy: FaultProxy, http: httpx.Client) -> None:
    with Stream(proxy) as stream:
        stream.until(b"one\n")
        proxy.set("reset")
        with pytest.raises(ConnectionResetError):
            stream.rest()
    with pytest.raises(httpx.TransportError):
        http.get("/")


@pytest.mark.parametrize(("mode", "status"), [("502", 502), ("html", 200)])
def test_answers_of_its_own(proxy: FaultProxy, http: httpx.Client, mode: Mode, status: int) -> None:
    with Stream(proxy) as stream:
        stream.until(b"one\n")
        proxy.set(mode)
        assert b"two" not in stream.rest()
    response = http.get("/")
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html"


@pytest.mark.parametrize("hold_headers", [False, True])
def test_buffer_holds_a_stream_until_it_ends(
    proxy: FaultProxy, origin: type[Origin], http: httpx.Client, hold_headers: bool
) -> None:
    proxy.set("buffer", hold_headers=hold_headers)
    assert http.get("/").text == "page", "only event streams are held"
    with Stream(proxy) as stream:
        if not hold_headers:
            stream.until(b"\r\n\r\n")
        assert stream.is_silent()
        origin.speak.release()
        assert stream.rest().endswith(b"one\ntwo\n")


def test_cut_ends_what_is_silent_too_long(proxy: FaultProxy) -> None:
    proxy.set("cut", seconds=0.4)
    started = time.monotonic()
    with Stream(proxy) as stream:
        assert stream.rest().endswith(b"one\n")
    assert 0.3 < time.monotonic() - started < SOON


def test_cut_once_spares_what_comes_after(proxy: FaultProxy, http: httpx.Client) -> None:
    with Stream(proxy) as stream:
        stream.until(b"one\n")
        assert proxy.cut("event-stream") == 1
        assert stream.rest().endswith(b"one\n")
    assert http.get("/").text == "page"


def test_slow_keeps_to_its_rate(proxy: FaultProxy, http: httpx.Client) -> None:
    proxy.set("slow", rate=10_000)
    started = time.monotonic()
    assert http.post("/", content=b"x" * 5000).content == b"x" * 5000
    assert time.monotonic() - started > 0.4


def test_drop_response_loses_only_the_answer(
    proxy: FaultProxy, origin: type[Origin], http: httpx.Client
) -> None:
    proxy.set("drop-response")
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", content=b"kept")
    assert origin.posted == [b"kept"]
    assert http.get("/").text == "page"


def test_nothing_of_a_stream_is_left_when_it_has_gone(
    origin: type[Origin], caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio says so of tasks that nobody ends."""
    with (
        FaultProxy.before(f"http://127.0.0.1:{origin.server_version}") as proxy,
        Stream(proxy) as stream,
    ):
        stream.until(b"one\n")
    del proxy
    gc.collect()
    assert "pending" not in caplog.text


def test_match_spares_the_others(proxy: FaultProxy, http: httpx.Client) -> None:
    proxy.set("502", match="^GET /broken")
    assert http.get("/broken").status_code == 502
    assert http.get("/").status_code == 200


def test_an_upstream_that_is_down_is_a_502(http: httpx.Client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with FaultProxy.before(f"http://127.0.0.1:{unused.getsockname()[1]}") as proxy:
            assert httpx.get(proxy.url, trust_env=False).status_code == 502


@pytest.mark.parametrize(
    "wrong", [{"mode": "nonsense"}, {"seconds": 0}, {"rate": 0}, {"match": "("}]
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Exception, match=r"must be|missing"):
        Fault(**wrong)  # type: ignore[arg-type]


def test_the_command_is_switched_over_its_control_port(origin: type[Origin]) -> None:
    import subprocess
    import sys

    ports = [free_port(), free_port()]
    listen, control = (f"127.0.0.1:{port}" for port in ports)
    command = [sys.executable, "-m", "e2e.fault_proxy", "--listen", listen, "--control", control]
    command += ["--upstream", f"http://127.0.0.1:{origin.server_version}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"fault proxy on http://{listen}, mode pass\n"
            url = f"http://{control}/"
            with httpx.Client(trust_env=False) as client:
                assert client.get(f"http://{listen}/").text == "page"
                assert client.post(url, content=json.dumps({"mode": "502"})).status_code == 200
                assert client.get(f"http://{listen}/").status_code == 502
                assert client.get(url).json()["requests"] == 2
                assert client.post(url, content=b'{"mode": "nonsense"}').status_code == 400
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
