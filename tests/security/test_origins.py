"""Foreign pages are refused, programs are not (case H18)."""

from __future__ import annotations

import re

import httpx
import pytest

from app.security.origins import host_name, is_known_host, is_own_page


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8000", "localhost"),
        ("LOCALHOST", "localhost"),
        ("example.org.:80", "example.org"),
        ("[::1]:8000", "::1"),
        ("[::1]", "::1"),
        ("", ""),
    ],
)
def test_host_name(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("host", "bound", "allowed", "known"),
    [
        ("localhost:8000", "127.0.0.1", "", True),
        ("127.0.0.1:1234", "127.0.0.1", "", True),
        ("[::1]:8000", "127.0.0.1", "", True),
        ("evil.example", "127.0.0.1", "", False),
        ("localhost:1@evil.example", "127.0.0.1", "", False),
        ("localhost:", "127.0.0.1", "", True),
        ("localhost.evil.example", "127.0.0.1", "", False),
        ("127.0.0.1.evil.example", "127.0.0.1", "", False),
        ("192.168.1.5:8000", "127.0.0.1", "", False),
        ("dash.example:443", "127.0.0.1", "other, Dash.Example", True),
        ("192.168.1.5:8000", "0.0.0.0", "", True),
        ("[fe80::1]:8000", "::", "", True),
        ("evil.example", "0.0.0.0", "", False),
        ("box.lan:8000", "box.lan", "", True),
    ],
)
def test_known_hosts(host: str, bound: str, allowed: str, known: bool) -> None:
    assert is_known_host(host, bound, allowed) == known


@pytest.mark.parametrize(
    ("host", "origin", "fetch_site", "own"),
    [
        ("localhost:8000", None, None, True),  # curl
        ("localhost:8000", "http://localhost:8000", None, True),
        ("localhost:8000", "http://localhost:8000", "same-origin", True),
        ("localhost:8000", None, "none", True),
        ("localhost:8000", "http://evil.example", None, False),
        ("localhost:8000", "http://localhost:3000", None, False),
        ("localhost:8000", "http://localhost:8000", "cross-site", False),
        ("localhost:8000", "http://localhost:3000", "same-site", False),
        ("localhost:8000", None, "cross-site", False),
        ("localhost:8000", "null", None, False),
        ("localhost:8000", "", None, False),
        ("dash.example", "https://dash.example", None, True),
        ("dash.example:443", "https://DASH.example", None, True),
        ("127.0.0.1:8000", "https://dash.example", "same-origin", True),  # proxy changed Host
        ("127.0.0.1:8000", "https://dash.example", None, False),
    ],
)
def test_own_pages(host: str, origin: str | None, fetch_site: str | None, own: bool) -> None:
    assert is_own_page(host, origin, fetch_site) == own


WRITES = [
    ("POST", "/api/tasks"),
    ("PATCH", "/api/tasks/1"),
    ("DELETE", "/api/tasks/1"),
    ("POST", "/api/tasks/1/cancel"),
    ("POST", "/api/tasks/1/logs"),
    ("POST", "/api/events"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"]
)
def test_writes_of_foreign_pages(
    http: httpx.Client, method: str, path: str, headers: dict[str, str], kind: str
) -> None:
    answer = http.request(method, path, content=b"{}", headers=headers | {"Content-Type": kind})
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/api/tasks", "/events/system", "/healthz", "/openapi.json"])
def test_a_rebound_name_reads_nothing(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "evil.example" in answer.json()["detail"]


def test_a_reader_by_a_wrong_name_sees_a_whole_page(http: httpx.Client) -> None:
    headers = {"Host": "dash.example:8000", "Accept": "text/html"}
    page = http.get("/tasks", headers=headers)
    assert page.status_code == 421
    assert "--allowed-hosts dash.example:8000" in page.text
    for address in re.findall(r'(?:src|href)="\./([^"#]+\.(?:css|js|svg))"', page.text):
        assert http.get(f"/{address}", headers=headers).status_code == 200


def test_programs_are_not_affected(http: httpx.Client) -> None:
    assert http.post("/api/tasks", data={"name": "from a script"}).status_code == 201
    own = {"Origin": str(http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert http.post("/api/tasks", json={"name": "x"}, headers=own).status_code == 201
