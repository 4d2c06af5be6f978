"""The probes of the network check, and its page."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Server, wait_until


def frames(text: str) -> list[dict[str, Any]]:
    return [json.loads(frame.partition("\ndata: ")[2]) for frame in text.split("\n\n") if frame]


def test_seen_tells_what_boxes_left(http: httpx.Client) -> None:
    headers = {"Via": "1.1 box (squid/5.7)", "X-Forwarded-For": "10.1.1.1", "X-Other": "secret"}
    answer = http.get("/api/network/seen", params={"nonce": "1"}, headers=headers)
    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert told["name"] == "LiveQueue"
    assert told["headers"] == {"via": "1.1 box (squid/5.7)", "x-forwarded-for": "10.1.1.1"}
    assert told["http"] == "1.1"
    assert told["client"] == "127.0.0.1"
    assert http.get("/api/network/seen").json()["instance"] == told["instance"]


def test_the_probe_has_the_headers_of_real_streams(http: httpx.Client) -> None:
    names = ("content-type", "cache-control", "x-accel-buffering", "content-encoding")

    def headers(path: str) -> dict[str, str]:
        with http.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status_code == 200
            assert "content-length" not in answer.headers
            return {name: answer.headers[name] for name in names}

    assert headers("/api/network/stream?count=1") == headers("/events/system")
    other = headers("/api/network/stream?count=1&type=application/json")
    assert other["content-type"] == "application/json"


def test_events_come_at_their_pace_and_say_so(http: httpx.Client) -> None:
    begun = time.monotonic()
    with http.stream("GET", "/api/network/stream?count=4&pause=1&size=100") as answer:
        parts = list(answer.iter_text())
    took = time.monotonic() - begun
    events = frames("".join(parts))
    assert [event["n"] for event in events] == [1, 2, 3, 4]
    assert [event["last"] for event in events] == [False, False, False, True]
    assert [len(event["filler"]) for event in events] == [0, 100, 0, 100]
    assert all(event["at"] >= number for number, event in enumerate(events))
    assert len(parts) >= 3
    assert took >= 3


def test_a_poll_waits(http: httpx.Client) -> None:
    begun = time.monotonic()
    assert http.get("/api/network/poll?wait=0.3").json() == {"waited": 0.3, "stopping": False}
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    "path",
    [
        "stream?count=0",
        "stream?count=21",
        "stream?count=3&pause=60",
        "stream?pause=nan",
        "stream?size=1e9",
        "stream?type=text/html",
        "poll?wait=31",
        "poll?wait=-1",
        "verdict?first_byte=inf",
        "verdict?arrived=x",
        "verdict?" + "&".join(["sent=1"] * 21),
        "verdict?page=" + "x" * 501,
        "verdict?bogus=1",
        "seen?bogus=1",
    ],
)
def test_what_is_out_of_bounds_is_refused(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/api/network/{path}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


def test_a_write_changes_nothing(http: httpx.Client) -> None:
    before = http.get("/events/system").json()["cursor"]
    assert http.post("/api/network/write").status_code == 204
    assert http.get("/events/system").json()["cursor"] == before
    foreign = http.post("/api/network/write", headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403


def test_the_verdict_is_said_in_the_readers_language(http: httpx.Client) -> None:
    query = {"first_byte": "0.1", "stream_status": "200", "events": "3", "server": "nginx/1.22.1"}
    series = [("sent", "0"), ("sent", "0.8"), ("sent", "1.6"), *[("arrived", "1.7")] * 3]
    pairs = str(httpx.QueryParams([*query.items(), *series]))
    told = http.get(f"/api/network/verdict?{pairs}").json()
    assert told["state"] == "degraded"
    assert told["findings"] == ["held"]
    assert told["box"] == "nginx/1.22.1"
    assert told["advice"][0]["name"] == "nginx"
    assert "proxy_buffering off;" in told["report"]
    chinese = http.get(f"/api/network/verdict?{pairs}", headers={"Accept-Language": "zh-CN"}).json()
    assert chinese["findings"] == ["held"]
    assert "轮询" in chinese["headline"]


def test_probes_take_places_among_the_streams(make_server: Callable[..., Server]) -> None:
    server = make_server("--max-streams", "1")
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as http:
        with http.stream("GET", "/api/network/stream?count=2&pause=60") as answer:
            parts = answer.iter_text()  # held: httpx closes with it
            assert next(parts)
            assert http.get("/healthz").json()["streams"] == 1
            for path in ("stream", "poll?wait=1"):
                refused = http.get(f"/api/network/{path}")
                assert refused.status_code == 503
                assert "max_streams" in refused.json()["detail"]
        assert http.get("/api/network/verdict").status_code == 200


def test_the_end_of_the_server_is_told_from_a_cut(make_server: Callable[..., Server]) -> None:
    server = make_server()
    told: dict[str, Any] = {}
    begun = threading.Barrier(3)

    def stream() -> None:
        with httpx.stream(
            "GET", f"{server.url}/api/network/stream?count=2&pause=60", timeout=20, trust_env=False
        ) as answer:
            parts = answer.iter_text()
            text = next(parts)
            begun.wait(10)
            told["stream"] = frames(text + "".join(parts))

    def poll() -> None:
        with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as http:
            http.get("/healthz")
            begun.wait(10)
            told["poll"] = http.get("/api/network/poll?wait=30").json()

    threads = [threading.Thread(target=work) for work in (stream, poll)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        wait_until(lambda: http.get("/healthz").json()["streams"] == 2)
    assert server.stop() == 0
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert told["stream"][-1]["stopping"] is True
    assert told["poll"] == {"waited": 30.0, "stopping": True}


def test_the_page_says_what_it_does_without_scripts(http: httpx.Client) -> None:
    page = http.get("/network", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    for words in ("proxy_buffering off;", "flush_interval -1", "timeout server 1h", "<noscript>"):
        assert words in page.text
    chinese = http.get("/network", headers={"Accept": "text/html", "Accept-Language": "zh"})
    assert "网络检查" in chinese.text
