"""Servers that are not at the root of a plain address: under a prefix, behind TLS, or moved."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from livequeue_client import LiveQueue
from tests import certificates
from tests.client.conftest import Run, log_of, task_when
from tests.conftest import Server

PREFIX = "/jobs/dash"
COMMAND = ("run", "--", "sh", "-c", "seq 3; echo oops >&2; exit 3")


@contextmanager
def direct(server: Server, authority: Path | None = None) -> Iterator[httpx.Client]:
    verify = ssl.create_default_context(cafile=authority) if authority else True
    with httpx.Client(base_url=server.url, verify=verify, trust_env=False, timeout=30) as http:
        yield http


def test_under_a_prefix(livequeue: Run, make_server: Callable[..., Server]) -> None:
    server = make_server("--path-prefix", PREFIX, "--access-log")
    url = f"{server.url}{PREFIX}/"
    with direct(server) as http:
        process = livequeue(*COMMAND, url=url)
        assert process.wait(timeout=60) == 3, process.communicate()
        task_when(http, 1, status="failed")
        assert sorted(log_of(http, 1)) == ["1", "2", "3", "oops"]
    with LiveQueue(url) as queue:
        with queue.task("from Python", total=2) as task:
            task.log("one")
            task.update(current=1)
        assert [found["id"] for found in queue.tasks(sort="id")] == [1, 2]
        assert queue.send("GET", f"/api/tasks/{task.id}")["status"] == "completed"
    assert server.stop() == 0
    asked = [line for line in server.log().splitlines() if '"POST ' in line or '"PATCH ' in line]
    assert len(asked) >= 6
    assert all(f" {PREFIX}/api/" in line for line in asked)


def test_a_certificate_that_the_server_made_for_itself(
    livequeue: Run,
    make_server: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = certificates.make(tmp_path)
    server = make_server(*files.flags)
    trust = {"SSL_CERT_FILE": str(files.cert)}
    # A proxy of the environment must not be asked for this machine.
    environment = {**trust, "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    with direct(server, files.cert) as http:
        process = livequeue(*COMMAND, url=server.url, environment=environment)
        assert process.wait(timeout=60) == 3
        task_when(http, 1, status="failed")
    monkeypatch.setenv("SSL_CERT_FILE", str(files.cert))
    with LiveQueue(server.url) as queue:
        assert len(queue.tasks()) == 1
    monkeypatch.delenv("SSL_CERT_FILE")
    process = livequeue(*COMMAND, url=server.url)  # not trusted: the command runs all the same
    assert process.wait(timeout=60) == 3
    assert b"certificate" in process.communicate()[1].lower()


def test_what_was_kept_is_delivered_to_where_the_server_is_now(
    livequeue: Run, make_server: Callable[..., Server], nowhere: str, spool: Path
) -> None:
    process = livequeue("run", "--flush-timeout", "0", "--", "echo", "kept", url=nowhere)
    assert process.wait(timeout=60) == 0
    server = make_server("--path-prefix", PREFIX)
    assert livequeue("flush", url=server.url).wait(timeout=60) == 1
    wrong = livequeue("flush", "--server", "nonsense", url=server.url)
    assert wrong.wait(timeout=60) == 2
    assert b"nonsense" in wrong.communicate()[1]
    moved = livequeue("flush", "--server", f"{server.url}{PREFIX}", url=nowhere)
    assert moved.communicate(timeout=60)[0] == b"1 delivered, 0 kept\n"
    with direct(server) as http:
        assert log_of(http, 1) == ["kept"]
    assert not list(spool.iterdir())
