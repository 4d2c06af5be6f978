"""`livequeue check`, against real servers, and against what stands in their place."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from livequeue_client.check_reach import Proxy, choose_proxy
from tests.conftest import Server

PORTAL = "<html><head><title>Welcome to Hotel Wifi</title></head><body>Log in</body></html>"


def check(
    *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command, to its end; no proxy of the machine's own environment is in the way."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("LIVEQUEUE_")
    }
    return subprocess.run(
        [sys.executable, "-m", "livequeue_client.cli", "check", *arguments],
        env=kept | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@contextmanager
def answering(
    status: int = 200,
    body: str = PORTAL,
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    endless: float | None = None,
    api_too: bool = True,
) -> Iterator[str]:
    """A web server that gives everybody the same answer; its address.

    `endless`: it does not end, with pauses of so many seconds; what is under /api/ if `api_too`.
    """

    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": "text/html"} | (headers or {})).items():
                self.send_header(name, value)
            is_endless = endless is not None and (api_too or "/api/" not in self.path)
            if not is_endless:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())
            while is_endless and not over.wait(endless):
                self.wfile.write(b"x" * (2 if endless else 65536))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


@contextmanager
def hanging_up(upstream: str) -> Iterator[str]:
    """In front of a server, it closes a connection when a second request comes; its address."""
    server = urlsplit(upstream)

    def relay(source: socket.socket, sink: socket.socket, requests: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if requests is not None:
                    requests -= data.startswith((b"GET ", b"POST "))
                    if requests < 0:
                        break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((server.hostname, server.port)) as there:
                down = threading.Thread(target=relay, args=(there, self.request, None))
                down.start()
                relay(self.request, there, 1)
                down.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield "http://{}:{}".format(*proxy.server_address)
        finally:
            proxy.shutdown()
            thread.join()


def test_a_clean_network_is_live(server: Server) -> None:
    done = check(server.url, "--idle", "1", "--poll", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == f"Checking {server.url}/"
    assert "[ok] Silence: a stream may be silent for 1 s or longer" in lines
    assert "[ok] Waiting requests: may wait 1 s or longer for an answer" in lines
    assert "Live: changes arrive here as they happen" in lines
    assert sum(line.startswith("[") for line in lines) == 11


def test_quick_leaves_out_what_takes_long(server: Server) -> None:
    document = told(check("--json", "--quick", environment={"LIVEQUEUE_URL": server.url}))
    assert document["verdict"]["state"] == "live"
    assert document["verdict"]["complete"] is True
    assert len(document["measured"]["arrived"]) == 6
    assert document["proxy"] is None


def test_connections_that_are_closed_unannounced_are_no_fault(server: Server) -> None:
    with hanging_up(server.url) as url:
        document = told(check(url, "--json", "--quick"))
    assert document.get("error") is None
    assert document["verdict"]["state"] == "live"


def test_lines_for_a_proxy_of_ones_choice(server: Server) -> None:
    done = check(server.url, "--quick", "--advice", "haproxy")
    assert "timeout server 1h" in done.stdout
    assert "proxy_buffering" not in done.stdout
    assert "flush_interval" in check(server.url, "--quick", "--advice", "all").stdout


def test_lines_for_an_unknown_proxy_are_refused(server: Server) -> None:
    done = check(server.url, "--advice", "iis")
    assert done.returncode == 2
    assert "'iis'" in done.stderr
    assert "haproxy" in done.stderr


def test_an_address_of_a_page_leads_to_the_server(server: Server) -> None:
    done = check(f"{server.url}/tasks/7", "--quick")
    assert done.returncode == 2
    assert f"LiveQueue is here, but under another path: {server.url}/" in done.stdout


def test_nobody_there(nowhere: str) -> None:
    done = check(nowhere)
    assert done.returncode == 2
    assert "Unreachable: nothing listens at" in done.stdout
    assert told(check(nowhere, "--json"))["error"]["reason"] == "refused"


def test_an_unknown_name() -> None:
    document = told(check("http://livequeue.invalid", "--json"))
    assert document["error"]["reason"] == "name"


def test_a_captive_portal_is_named() -> None:
    with answering() as url:
        done = check(url)
    assert done.returncode == 2
    assert "a web page answers in LiveQueue's place ('Welcome to Hotel Wifi')" in done.stdout


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (302, {"Location": "http://login.example/"}, "portal"),
        (301, {"Location": "/dash/"}, "moved"),
        (502, {}, "down"),
        (404, {"Content-Type": "text/plain"}, "other"),
        (407, {}, "proxy"),
    ],
)
def test_other_answers(status: int, headers: dict[str, str], reason: str) -> None:
    with answering(status, "nothing", headers) as url:
        done = check(url, "--json")
    assert done.returncode == 2
    assert told(done)["error"]["reason"] == reason


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        (302, {"Location": "mailto:keeper@example.org"}, "", "network"),
        (302, {"Location": "http://[::1"}, "", "network"),
        (200, {"Content-Type": "text/html; charset=rot13"}, PORTAL, "portal"),
        (200, {"Content-Type": "text/html; charset=idna"}, PORTAL, "portal"),
        (200, {"Content-Encoding": "gzip"}, PORTAL, "network"),
        (200, {"Content-Type": "application/json"}, "[" * 100_000, "other"),
        (200, {"Content-Type": "application/json"}, '{"name": "LiveQueue"}', "gone"),
        (200, {}, '<html data-root="http://[::1">', "portal"),
        (200, {}, '<html data-root="javascript:alert(1)">', "portal"),
    ],
)
def test_nonsense_is_named_too(
    status: int, headers: dict[str, str], body: str, reason: str
) -> None:
    with answering(status, body, headers) as url:
        done = check(url, "--json")
    assert done.returncode == 2
    assert done.stderr == ""
    assert told(done)["error"]["reason"] == reason


def test_what_is_not_ours_does_not_command_the_terminal() -> None:
    said = json.dumps({"detail": "\x1b[31mred\x07"})
    with answering(403, said, {"Content-Type": "application/problem+json"}) as url:
        done = check(url)
    assert "answers HTTP 403: \ufffd[31mred\ufffd" in done.stdout


@pytest.mark.parametrize(
    ("endless", "api_too", "reason"),
    [(0, True, "portal"), (0, False, "portal"), (0.5, True, "timeout"), (0.5, False, "portal")],
)
def test_an_endless_answer_is_not_read_to_its_end(
    endless: float, api_too: bool, reason: str
) -> None:
    """A radio station in our place, say."""
    with answering(endless=endless, api_too=api_too) as url:
        done = check(f"{url}/path/", "--json")
    assert done.returncode == 2
    assert told(done)["error"]["reason"] == reason


def test_a_page_without_its_api() -> None:
    page = '<html lang="en" data-root="./"><title>Tasks</title></html>'
    with answering(body=page) as url:
        error = told(check(url, "--json"))["error"]
    assert error["reason"] == "prefix"
    assert "API" in error["text"]


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate of an authority that nobody knows."""
    folder = tmp_path_factory.mktemp("certificate")
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    request += ["-nodes", "-days", "2", "-subj", "/CN=Acme Web Inspection"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = [str(folder / "key.pem"), str(folder / "certificate.pem")]
    subprocess.run(
        [*request, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    return context


def test_who_issued_a_certificate_is_said(issued: ssl.SSLContext) -> None:
    with answering(tls=issued) as url:
        done = check(url)
    assert done.returncode == 2
    assert "the certificate, issued by 'Acme Web Inspection', is not trusted" in done.stdout
    assert "SSL_CERT_FILE" in done.stdout


def test_https_where_there_is_none(server: Server) -> None:
    done = check(server.url.replace("http:", "https:"))
    assert "does not speak HTTPS" in done.stdout


def test_plain_http_where_there_is_https(issued: ssl.SSLContext) -> None:
    with answering(tls=issued) as url:
        done = check(url.replace("https:", "http:"))
    assert done.returncode == 2
    assert "hangs up on plain HTTP" in done.stdout
    assert f"Try {url}/" in done.stdout


def test_a_server_with_another_name(server: Server) -> None:
    """Its own words say what to do."""
    # It answers like a proxy, when it is asked for its own address.
    done = check(server.url, "--quick", "--proxy", server.url)
    assert done.returncode == 0, done.stdout
    done = check("http://dash.example", "--proxy", server.url)
    assert done.returncode == 2
    assert "--allowed-hosts" in done.stdout


def test_the_environments_proxy_is_used_and_named(
    make_server: Callable[..., Server], nowhere: str
) -> None:
    server = make_server("--bind", "127.0.0.2:0")
    done = check(server.url, "--quick", environment={"http_proxy": nowhere})
    assert done.returncode == 2
    assert f"through the proxy {nowhere} (http_proxy)" in done.stdout
    assert "add it to NO_PROXY" in done.stdout
    environment = {"HTTP_PROXY": nowhere, "NO_PROXY": "127.0.0.2"}
    done = check(server.url, "--quick", environment=environment)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("address", "environ", "expected"),
    [
        ("http://dash.example", {}, Proxy()),
        (
            "http://dash.example",
            {"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"},
            Proxy("http://p:1", "HTTP_PROXY"),
        ),
        ("https://dash.example", {"https_proxy": "q:2"}, Proxy("http://q:2", "https_proxy")),
        ("https://dash.example", {"HTTP_PROXY": "http://p:1"}, Proxy()),
        ("https://dash.example", {"ALL_PROXY": "http://p:1"}, Proxy("http://p:1", "ALL_PROXY")),
        (
            "http://dash.example:8000",
            {"HTTP_PROXY": "http://p:1", "NO_PROXY": ".example"},
            Proxy(None, "HTTP_PROXY", "NO_PROXY excepts the address"),
        ),
        (
            "http://127.0.0.1:8000",
            {"HTTP_PROXY": "http://p:1"},
            Proxy(
                None,
                "HTTP_PROXY",
                "127.0.0.1 is this machine (--proxy URL goes through one all the same)",
            ),
        ),
    ],
)
def test_which_proxy(
    address: str, environ: dict[str, str], expected: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert choose_proxy(address, None) == expected
    assert choose_proxy(address, "p:3") == Proxy("http://p:3", "--proxy")


def test_a_password_of_a_proxy_is_not_shown() -> None:
    assert Proxy("http://me:secret@proxy:3128", "HTTP_PROXY").shown == "http://proxy:3128"


def test_the_server_going_away_is_not_taken_for_a_cut(server: Server) -> None:
    command = [sys.executable, "-m", "livequeue_client.cli", "check", server.url, "--idle", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("[ok] WebSocket"):
                break
        server.stop()
        rest = running.stdout.read()
        assert running.wait(20) == 2
    assert "Unreachable: the server" in rest


@pytest.mark.parametrize("option", [["--idle", "76"], ["--poll", "0"], ["--poll", "x"]])
def test_wrong_options_are_explained(option: list[str]) -> None:
    done = check(*option)
    assert done.returncode == 2
    assert option[0] in done.stderr
