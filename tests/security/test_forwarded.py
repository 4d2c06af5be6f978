"""What proxies tell is believed of those that are named, and of nobody else."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from app.addresses import parse_networks
from app.security.forwarded import client_of, prefix_of, read
from tests.conftest import Server, serving, wait_until
from tests.sse import Reader

TRUSTED = parse_networks("127.0.0.0/8, 10.0.0.0/8, ::1, fd00::/8")


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that believes the proxies of this machine."""
    flags = ["--trusted-proxies", "127.0.0.0/8", "--allowed-hosts", "dash.example"]
    flags += ["--max-streams-per-client", "2", "--access-log"]
    with serving(tmp_path_factory.mktemp("behind"), *flags) as server:
        yield server


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ([], None),
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),  # the first is what the client says
        (["198.51.100.1", "203.0.113.7", "10.1.2.3", "127.0.0.1"], "203.0.113.7"),
        (["10.1.2.3", "10.0.0.1"], "10.1.2.3"),  # all ours: somebody inside
        (["127.0.0.1", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:1234"], "203.0.113.7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["[2001:db8::7]"], "2001:db8::7"),
        (["[2001:db8::7]:443"], "2001:db8::7"),
        (["2001:DB8::0:7"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["fe80::1%eth0"], "fe80::1"),
        (["203.0.113.7", "fd00::1"], "203.0.113.7"),
        (["unknown"], None),
        (["203.0.113.7", "unknown", "10.0.0.1"], "10.0.0.1"),
        (["_secret", "203.0.113.7"], "203.0.113.7"),
        ([""], None),
        (["203.0.113.7; rm -rf /"], None),
        (["203.0.113.7\x00"], None),
        (["203.0.113.999"], None),
        (["1" * 5000], None),
    ],
)
def test_the_client(hops: list[str], client: str | None) -> None:
    assert client_of(hops, TRUSTED) == client


def test_only_the_nearest_hops_are_looked_at() -> None:
    assert client_of(["203.0.113.7"] + ["10.0.0.1"] * 10_000, TRUSTED) == "10.0.0.1"


@pytest.mark.parametrize(
    ("headers", "field", "value"),
    [
        ([("proto", "https")], "scheme", "https"),
        ([("proto", "HTTPS")], "scheme", "https"),
        ([("proto", "http, https")], "scheme", "https"),
        ([("proto", "http"), ("proto", "https")], "scheme", "https"),
        ([("proto", "javascript")], "scheme", None),
        ([("proto", "")], "scheme", None),
        ([("host", "dash.example")], "host", "dash.example"),
        ([("host", "dash.example:8443")], "host", "dash.example:8443"),
        ([("host", "[2001:db8::7]:8443")], "host", "[2001:db8::7]:8443"),
        ([("host", "evil.example, dash.example")], "host", "dash.example"),
        ([("host", "dash.example/evil")], "host", None),
        ([("host", "dash.example@evil.example")], "host", None),
        ([("host", "dash.example:99999999")], "host", None),
        ([("host", "a\x00b")], "host", None),
        ([("host", "x" * 300)], "host", None),
        ([("host", "däsh.example")], "host", None),
        ([("prefix", "/dash")], "prefix", "/dash"),
        ([("prefix", "/outer"), ("prefix", "/inner/")], "prefix", "/outer/inner"),
        ([("prefix", "//evil.example")], "prefix", ""),
        ([("for", "203.0.113.7"), ("for", "10.0.0.1")], "client", "203.0.113.7"),
        ([("unheard-of", "x")], "client", None),
    ],
)
def test_each_header(headers: list[tuple[str, str]], field: str, value: Any) -> None:
    raw = [(f"x-forwarded-{name}".encode(), text.encode()) for name, text in headers]
    assert getattr(read(raw, TRUSTED), field) == value


@pytest.mark.parametrize(
    ("parts", "prefix"),
    [
        (["/a"], "/a"),
        (["/a/b.c_d~e-f/"], "/a/b.c_d~e-f"),
        (["a"], ""),
        (["/"], ""),
        (["/a//b"], ""),
        (["/./a"], ""),
        (["/a/.."], ""),
        (["/a?b"], ""),
        (["/a%2fb"], ""),
        (['/a"onload="x'], ""),
        (["/a", "b"], "/ab"),  # harmless, if wrong
        (["/" + "x" * 200], ""),
    ],
)
def test_prefixes(parts: list[str], prefix: str) -> None:
    assert prefix_of(parts) == prefix


FORWARDED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "dash.example",
    "X-Forwarded-Prefix": "/dash",
}
SHOWN = 'class="own-address">'


def test_a_named_proxy_is_believed(behind: Server) -> None:
    page = httpx.get(f"{behind.url}/tasks", headers=FORWARDED, timeout=30)
    assert f"{SHOWN}https://dash.example/dash<" in page.text
    wait_until(lambda: '203.0.113.7 "GET /dash/tasks HTTP/1.1" 200' in behind.log())


def test_nobody_is_believed_unasked(http: httpx.Client, server: Server) -> None:
    """Not even this machine: everybody who has an account on it could be anybody."""
    page = http.get("/tasks", headers=FORWARDED)
    assert f"{SHOWN}{server.url}<" in page.text


def test_others_are_not_believed(make_server: Any) -> None:
    server = make_server("--trusted-proxies", "192.0.2.1, 2001:db8::/32")
    page = httpx.get(f"{server.url}/tasks", headers=FORWARDED, timeout=30)
    assert f"{SHOWN}{server.url}<" in page.text


def test_a_told_host_must_be_one_of_ours(behind: Server) -> None:
    answer = httpx.get(f"{behind.url}/", headers={"X-Forwarded-Host": "evil.example"}, timeout=30)
    assert answer.status_code == 421
    assert "--allowed-hosts" in answer.json()["detail"]
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://dash.example"}, 201),
        ({"Origin": "https://dash.example", "X-Forwarded-Host": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
    ],
)
def test_writes_of_pages_are_checked_against_it(
    behind: Server, headers: dict[str, str], status: int
) -> None:
    answer = httpx.post(
        f"{behind.url}/api/tasks", json={"name": "x"}, headers=FORWARDED | headers, timeout=30
    )
    assert answer.status_code == status


def test_streams_are_counted_for_the_told_client(behind: Server) -> None:
    with ExitStack() as stack:

        def status(client: str | None) -> int:
            headers = {"X-Forwarded-For": client} if client else {}
            stream = httpx.stream(
                "GET",
                f"{behind.url}/events/system",
                headers={"Accept": "text/event-stream", **headers},
                timeout=30,
            )
            return stack.enter_context(stream).status_code

        assert [status("203.0.113.7") for _ in range(3)] == [200, 200, 429]
        assert [status("203.0.113.8, 203.0.113.9") for _ in range(3)] == [200, 200, 429]
        assert status("203.0.113.9, 203.0.113.8") == 200
        # No client is told: the proxy's own address stands for many.
        assert [status(None) for _ in range(4)] == [200] * 4
        assert [status("garbage") for _ in range(2)] == [200] * 2


def test_malformed_headers_do_no_harm(behind: Server) -> None:
    chance = random.Random(5)
    names = ["For", "Proto", "Host", "Prefix", "Port", "Server", ""]
    parts = [b"/", b"..", b",", b":", b"[", b"]", b"@", b"%", b"1", b"\xff", b"\t", b'"', b"::1"]
    parts += [b"10.0.0.1", b"evil.example", b"https", b"\\", b"x" * 50, b" ", b"<script>"]
    with httpx.Client(timeout=30) as client:
        for _ in range(300):
            headers = [
                (
                    f"X-Forwarded-{chance.choice(names)}".encode(),
                    b"".join(chance.choices(parts, k=chance.randint(0, 8))).strip(b" \t"),
                )
                for _ in range(chance.randint(1, 6))
            ]
            answer = client.get(f"{behind.url}/", headers=headers)
            assert answer.status_code in (302, 421), headers
            if answer.status_code == 302:
                location = answer.headers["Location"]
                assert location == "tasks" or location.endswith("/tasks"), headers
                assert not location.startswith(("//", "/\\")), headers
                assert "evil" not in location.partition("/")[0], headers


def ask(server: Server, request: bytes) -> bytes:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while data := connection.recv(65536):
            answer += data
        return answer


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://evil.example/api/tasks", "localhost", 421),
        ("http://localhost/api/tasks", "evil.example", 200),  # RFC 9112, section 3.2.2
        ("HTTP://localhost:1/api/tasks?limit=1", "localhost", 200),
        ("http://localhost", "localhost", 302),
        ("http://localhost@evil.example/", "localhost", 421),
        ("http:///api/tasks", "localhost", 200),
        ("*", "localhost", 404),
        ("evil.example:443", "localhost", 404),
        ("ftp://evil.example/api/tasks", "localhost", 421),
        ("?x", "localhost", 302),
        ("http://localhost?x", "localhost", 302),
        ("%61://[", "localhost", 404),
    ],
)
def test_the_target_counts_as_the_host(server: Server, target: str, host: str, status: int) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = ask(server, request.encode())
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]


@pytest.mark.parametrize(
    "host",
    [
        "a..b",
        ".",
        "x" * 64,
        ".".join(["x" * 60] * 5),
        "localhost:1@evil.example",
        "localhost:port",
        "localhost/",
        "[::1",
        "[]",
        "\xe4.example",
        "local host",
        "%6cocalhost",
    ],
)
def test_a_host_that_cannot_be(server: Server, host: str) -> None:
    request = f"GET /api/tasks HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = ask(server, request.encode("latin1"))
    assert answer.startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 ")), answer[:300]


def test_a_stream_behind_a_proxy(behind: Server) -> None:
    with Reader(behind.url, "system", sends=FORWARDED) as reader:
        reader.wait_for("HELLO")
        httpx.post(f"{behind.url}/api/tasks", json={"name": "x"}, timeout=30).raise_for_status()
        reader.wait_for("TASK_CREATED")
