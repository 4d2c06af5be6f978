"""Starting and stopping: what is refused, and in which words."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from app.config import ConfigError, Settings, load, markdown
from tests.conftest import Server, wait_until

SERVE = [sys.executable, "-m", "livequeue_client.cli", "serve"]


def refused(*flags: str, **environ: str) -> str:
    """What `serve` prints when it does not start."""
    result = subprocess.run(
        [*SERVE, *flags],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_second_server_on_the_same_file_is_refused(server: Server) -> None:
    message = refused("--bind", "127.0.0.1:0", "--db", str(server.database_path))
    assert "already uses" in message
    assert "--db" in message
    assert httpx.get(f"{server.url}/healthz", timeout=30).status_code == 200


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_the_same_file_under_another_name_is_refused(server: Server, link: str) -> None:
    other = server.database_path.with_name("other.db")
    getattr(other, link)(server.database_path)
    message = refused("--bind", "127.0.0.1:0", "--db", str(other))
    assert "already uses" in message or "hard links" in message


def test_a_taken_port_is_refused(server: Server, tmp_path: Path) -> None:
    message = refused("--bind", server.url.removeprefix("http://"), "--db", str(tmp_path / "x.db"))
    assert "cannot listen on" in message


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])
def test_other_machines_are_kept_out_unless_open(tmp_path: Path, host: str) -> None:
    message = refused("--bind", f"{host}:0", "--db", str(tmp_path / "x.db"))
    assert "--open" in message


def test_open_permits_it_with_a_warning(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = Server(tmp_path, "--open")
    server.url = "http://0.0.0.0:0"
    server.start()
    try:
        assert "without a login" in server.log()
        port = server.url.rpartition(":")[2]
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30).status_code == 200
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--bind", "nonsense"], "HOST:PORT"),
        (["--bind", "127.0.0.1:99999"], "HOST:PORT"),
        (["--heartbeat", "1"], "heartbeat must be between 2 and 30"),
        (["--heartbeat", "soon"], "heartbeat must be a float"),
        (["--log-level", "loud"], "log_level"),
        (["--config", "/nowhere.toml"], "/nowhere.toml"),
    ],
)
def test_wrong_settings_are_named(flags: list[str], words: str) -> None:
    assert words in refused(*flags)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8" + b"not a database" * 100)
    before = path.read_bytes()
    message = refused("--bind", "127.0.0.1:0", "--db", str(path))
    assert "cannot use the database file" in message
    assert path.read_bytes() == before


def test_a_file_replaced_under_a_running_server_stops_it(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        http.post("/api/tasks", json={"name": "before"}).raise_for_status()
        moved = server.database_path.with_name("moved.db")
        server.database_path.rename(moved)
        shutil.copy(moved, server.database_path)
        answer = http.post("/api/tasks", json={"name": "lost?"})
        assert answer.status_code == 503  # not acknowledged, and said so
        assert "nothing was stored" in answer.json()["detail"]
    assert wait_until(lambda: not server.running)
    assert server.process.returncode == 1
    assert "moved or replaced" in server.log()


def test_settings_come_from_flag_environment_file_and_default(tmp_path: Path) -> None:
    file = tmp_path / "livequeue.toml"
    file.write_text('heartbeat = 5\nbind = "127.0.0.1:1"\nmax_streams = 7\nopen = true\n')
    environ = {"LIVEQUEUE_BIND": "127.0.0.1:2", "LIVEQUEUE_MAX_STREAMS": "8"}
    settings = load({"max_streams": "9"}, environ, str(file))
    assert settings.heartbeat == 5
    assert settings.bind == "127.0.0.1:2"
    assert settings.max_streams == 9
    assert settings.open is True
    assert settings.wave_pause == Settings().wave_pause


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_every_setting_works_from_each_place(item: object, tmp_path: Path) -> None:
    name, kind = item.name, item.type  # type: ignore[attr-defined]
    default = item.default  # type: ignore[attr-defined]
    value = {
        "bool": True,
        "int": default + 1 if kind == "int" else None,
        "float": default + 1 if kind == "float" else None,
        "str": {
            "bind": "127.0.0.1:9",
            "log_level": "debug",
            "path_prefix": "/dash",
            "trusted_proxies": "10.0.0.0/8, ::1",
        }.get(name, "x"),
    }[kind]
    pair = {"certfile": {"keyfile": "x"}, "keyfile": {"certfile": "x"}}.get(name, {})
    environ = {f"LIVEQUEUE_{name.upper()}": str(value)}
    assert getattr(load(pair, environ), name) == value
    file = tmp_path / "s.toml"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower()
    file.write_text(f"{name} = {text}\n")
    assert getattr(load(pair, {}, str(file)), name) == value
    assert getattr(load({name: value} | pair, {}), name) == value


def test_the_settings_are_documented() -> None:
    document = Path(__file__).parent.parent / "docs" / "settings.md"
    assert document.read_text() == markdown(), "run: python -m app.config > docs/settings.md"


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("hartbeat = 5\n")
    with pytest.raises(ConfigError, match="hartbeat"):
        load({}, {}, str(file))


def test_each_request_is_one_line_of_the_access_log(make_server: Callable[..., Server]) -> None:
    server = make_server("--access-log")
    stream = {"Accept": "text/event-stream"}
    with httpx.stream("GET", f"{server.url}/events/system", headers=stream, timeout=30) as answer:
        next(answer.iter_text())  # and leave
    httpx.get(f"{server.url}/api/stats", timeout=30)
    wait_until(lambda: httpx.get(f"{server.url}/healthz", timeout=30).json()["streams"] == 0)
    assert server.stop() == 0
    asked = re.findall(r'"GET (\S+) HTTP/1.1" (\S+) ', server.log())
    assert sorted(line for line in asked if line[0] != "/healthz") == [
        ("/api/stats", "200"),
        ("/events/system", "-"),
    ]


def test_the_database_survives_a_restart(server: Server) -> None:
    httpx.post(f"{server.url}/api/tasks", json={"name": "kept"}, timeout=30).raise_for_status()
    assert server.stop() == 0
    with sqlite3.connect(server.database_path) as connection:
        assert connection.execute("SELECT name FROM tasks").fetchall() == [("kept",)]
    connection.close()
    server.start()
    assert httpx.get(f"{server.url}/api/tasks/1", timeout=30).json()["name"] == "kept"


def test_many_clients_connecting_at_once_all_get_through(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    for client in clients:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for client in clients:
        client.settimeout(10)
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.close()


def test_stopping_while_a_log_streams_in_leaves_no_error_in_the_servers_log(server: Server) -> None:
    task = httpx.post(f"{server.url}/api/tasks", json={"name": "t"}, timeout=30).json()["id"]
    path = f"/api/tasks/{task}/logs"
    address = server.url.removeprefix("http://")
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n".encode())
        wait_until(lambda: httpx.get(f"{server.url}{path}", timeout=30).json()["total"] == 1)
        assert server.stop() == 0
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_what_has_not_arrived_when_the_server_stops_is_to_be_sent_again(
    server: Server, kind: str
) -> None:
    task = httpx.post(f"{server.url}/api/tasks", json={"name": "t"}).json()["id"]
    path = "/api/tasks" if kind == "application/json" else f"/api/tasks/{task}/logs"
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n"
        head += "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b'{"name": "half')
        server.process.send_signal(signal.SIGTERM)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 503"), answer
    assert b"retry-after: 1\r\n" in answer
    assert b"application/problem+json" in answer
    assert server.process.wait(10) == 0
    assert "Traceback" not in server.log()
    server.start()
    counts = httpx.get(f"{server.url}/api/stats").json()["counts"]
    lines = httpx.get(f"{server.url}/api/tasks/{task}/logs").json()["lines"]
    # What had come of a stream may have been stored by then, and a log begins its task.
    stored = kind == "text/plain" and bool(lines)
    assert [line["text"] for line in lines] == ['{"name": "half'] * stored
    assert (counts["pending"], counts["running"]) == (1 - stored, int(stored))
