"""Measurements and what they mean, as tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from app.config import Settings
from app.network import verdict as rules
from app.network.advice import lines
from app.network.boxes import ADVICE, identify
from app.network.measured import Measured, Seen
from app.network.verdict import Verdict, judge
from app.network.words import tell
from app.resources import STATIC
from app.wording import Wording

SENT = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
STEADY = [0.02, 0.42, 0.81, 1.22, 1.62, 2.03]
AT_THE_END = [2.04] * 6
AFTER_THE_FIRST = [0.02, 2.04, 2.04, 2.04, 2.04, 2.04]
BUNCHED = [0.02, 1.4, 1.4, 2.6, 2.6, 3.4]
FAR_AWAY = [0.9, 1.3, 1.7, 2.1, 2.5, 2.9]

CLEAN: dict[str, Any] = {
    "first_byte": 0.02,
    "http": "1.1",
    "stream_status": 200,
    "sent": SENT,
    "arrived": STEADY,
    "other_sent": SENT,
    "other_arrived": STEADY,
    "write_status": 204,
    "idle": 70,
    "poll": 30,
}


def seen(**headers: str) -> Seen:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Seen("0.1.0", "1.1", "http", "dash.example", "10.0.0.9", "", named)


def verdict(**measured: Any) -> Verdict:
    return judge(Measured(**(CLEAN | measured)), seen())


def check(found: Verdict, name: str) -> tuple[str, str]:
    (row,) = [row for row in found.checks if row.name == name]
    return row.state, row.word


@pytest.mark.parametrize(
    ("measured", "rung", "findings"),
    [
        ({}, "sse", []),
        ({"arrived": FAR_AWAY}, "sse", []),
        ({"encoding": "gzip"}, "sse", []),
        ({"arrived": BUNCHED}, "sse", ["late"]),
        ({"arrived": AT_THE_END, "other_arrived": AT_THE_END}, "long-poll", ["held"]),
        ({"arrived": AFTER_THE_FIRST, "other_arrived": AT_THE_END}, "long-poll", ["held"]),
        ({"arrived": AT_THE_END, "encoding": "gzip"}, "long-poll", ["compressed"]),
        ({"arrived": AT_THE_END}, "long-poll", ["filtered"]),
        ({"arrived": [], "sent": []}, "long-poll", ["filtered"]),
        ({"arrived": [], "other_arrived": []}, "long-poll", ["mute"]),
        ({"arrived": [5.0] * 6, "other_arrived": []}, "long-poll", ["mute"]),
        ({"arrived": STEADY[:2], "sent": SENT[:2]}, "long-poll", ["cut"]),
        ({"stream_status": 0, "arrived": [], "other_arrived": []}, "long-poll", ["mute"]),
        ({"stream_status": 502, "arrived": []}, "long-poll", ["refused"]),
        ({"stream_status": 503, "arrived": [], "page": "raise max_streams"}, "long-poll", ["busy"]),
        ({"idle": 60.0, "idle_status": 0}, "sse", []),
        ({"idle": 16.2, "idle_status": 0}, "sse", []),
        ({"idle": 5.0, "idle_status": 0}, "sse", ["idle_short"]),
        ({"idle": 1.0, "idle_status": 0}, "long-poll", ["idle_short"]),
        ({"poll": 5.0, "poll_status": 504}, "sse", []),
        (
            {"arrived": [], "other_arrived": [], "poll": 5.0, "poll_status": 504},
            "long-poll",
            ["mute", "poll_short"],
        ),
        (
            {"arrived": [], "other_arrived": [], "poll": 3.0, "poll_status": 0},
            "poll",
            ["mute", "poll_short"],
        ),
        ({"write_status": 403}, "sse", ["write_refused"]),
        ({"http": "1.0"}, "sse", ["http_old"]),
    ],
)
def test_rung_and_findings(measured: dict[str, Any], rung: str, findings: list[str]) -> None:
    found = verdict(**measured)
    assert (found.rung, list(found.findings)) == (rung, findings)
    assert found.state == ("degraded" if findings else "live")
    assert found.complete


@pytest.mark.parametrize(
    ("idle", "status", "heartbeat"),
    [(70, 200, 15), (60, 0, 15), (14, 0, 7), (10.2, 0, 5), (5, 0, 2), (3.5, 0, 2)],
)
def test_the_heartbeat_the_dashboard_will_ask_for(idle: float, status: int, heartbeat: int) -> None:
    assert verdict(idle=idle, idle_status=status).heartbeat == heartbeat


@pytest.mark.parametrize(("poll", "status", "wait"), [(30, 200, 25), (28, 504, 25), (10, 0, 5)])
def test_how_long_its_polls_will_wait(poll: float, status: int, wait: float) -> None:
    assert verdict(poll=poll, poll_status=status).wait == wait


def test_a_first_verdict_does_not_wait_for_the_slow_checks() -> None:
    found = verdict(idle=None, poll=None)
    assert (found.state, found.complete) == ("live", False)
    assert check(found, "idle") == ("waiting", "skipped")
    assert verdict(idle=None, poll=None, quick=True).complete
    assert judge(Measured(), seen()).state == "waiting"


@pytest.mark.parametrize(
    ("measured", "name", "row"),
    [
        ({"first_byte": 2.0}, "first_byte", ("warning", "slow")),
        ({"first_byte": 2.0, "queued": 1.9}, "first_byte", ("warning", "queued")),
        ({"encoding": "br"}, "compression", ("note", "harmless")),
        ({"encoding": "gzip", "arrived": AT_THE_END}, "compression", ("problem", "holds")),
        ({"http": "2"}, "http", ("ok", "many")),
        ({"http": ""}, "http", ("note", "unknown")),
        ({"prefix": "/"}, "prefix", ("ok", "none")),
        ({"prefix": "/dash/"}, "prefix", ("ok", "stripped")),
        ({"arrived": AT_THE_END}, "buffering", ("problem", "filtered")),
        ({"idle": 20.0, "idle_status": 0}, "idle", ("ok", "long")),
        ({"poll": 20.0, "poll_status": 0}, "poll", ("warning", "cut")),
        ({}, "websocket", ("ok", "unused")),
    ],
)
def test_rows(measured: dict[str, Any], name: str, row: tuple[str, str]) -> None:
    assert check(verdict(**measured), name) == row


@pytest.mark.parametrize(
    ("measured", "headers", "name", "product", "reverse"),
    [
        ({"server": "nginx/1.22.1"}, {}, "nginx/1.22.1", "nginx", True),
        ({"server": "Apache/2.4.71 (Debian)"}, {}, "Apache/2.4.71", "apache", True),
        ({"server": "Caddy"}, {}, "Caddy", "caddy", True),
        ({"via": "1.1 varnish (Varnish/7.1)"}, {"x_varnish": "3"}, "Varnish/7.1", "varnish", True),
        ({"via": "1.1 vm (squid/5.7)"}, {}, "squid/5.7", "", False),
        ({"via": "1.1 a (squid/5.7)", "server": "nginx/1.22.1"}, {}, "squid/5.7", "", False),
        ({}, {"via": "1.1 vm (tinyproxy/1.11.1)"}, "tinyproxy/1.11.1", "", False),
        (
            {"page": "<h1>504</h1>\nThe server didn't respond in time.\n"},
            {},
            "HAProxy",
            "haproxy",
            1,
        ),
        ({"page": "<center>nginx/1.18.0</center>"}, {}, "nginx/1.18.0", "nginx", True),
        ({}, {"x_forwarded_server": "a", "x_real_ip": "::1"}, "Traefik", "traefik", True),
        ({}, {"x_forwarded_server": "a"}, "Apache", "apache", True),
        ({}, {"cf_ray": "1"}, "Cloudflare", "", True),
        ({"server": "Werkstatt/3"}, {}, "Werkstatt/3", "", None),
        ({}, {"x_forwarded_for": "10.1.1.1"}, "", "", True),
        ({"proxy": "http://proxy:3128"}, {}, "http://proxy:3128", "", False),
    ],
)
def test_boxes_are_known_by_what_they_say(
    measured: dict[str, Any], headers: dict[str, str], name: str, product: str, reverse: bool | None
) -> None:
    box = identify(Measured(**measured), seen(**headers))
    assert box == (name, product, reverse)


def test_nothing_in_between() -> None:
    assert identify(Measured(), seen()) is None
    assert check(verdict(), "between") == ("ok", "nothing")


def test_a_proxy_that_is_not_trusted_is_told() -> None:
    measured = Measured(**CLEAN, server="nginx/1.22.1")
    assert check(judge(measured, seen(x_forwarded_for="10.1.1.1")), "between")[1] == "untrusted"
    assert (
        check(judge(measured, seen(x_forwarded_for="1.1.1.1, 10.0.0.9")), "between")[1] == "named"
    )


@pytest.mark.parametrize(
    ("measured", "first"),
    [
        ({"arrived": AT_THE_END, "other_arrived": [], "server": "Caddy"}, "caddy"),
        ({"arrived": AT_THE_END, "other_arrived": [], "via": "1.1 a (squid/5.7)"}, "keeper"),
        ({"arrived": AT_THE_END, "other_arrived": []}, "keeper"),
        ({"arrived": AT_THE_END, "server": "nginx"}, "keeper"),  # filtered: not nginx's doing
        ({"server": "Varnish"}, "varnish"),
        ({}, "nginx"),
    ],
)
def test_the_likeliest_advice_comes_first(measured: dict[str, Any], first: str) -> None:
    found = verdict(**measured)
    assert found.advice[0] == first
    assert sorted(found.advice) == sorted([*ADVICE, "keeper"])


def test_no_lines_help_against_our_own_limit() -> None:
    found = verdict(
        stream_status=429, arrived=[], page="max_streams_per_client", poll=0, poll_status=429
    )
    assert found.findings == ("busy",)
    assert found.advice == ()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "measured",
    [
        {},
        {"arrived": AT_THE_END, "other_arrived": [], "idle": 5.0, "idle_status": 0},
        {"arrived": [], "other_arrived": [], "poll": 10.0, "poll_status": 504},
        {"stream_status": 502, "arrived": [], "write_status": 403, "quick": True, "idle": None},
        {"stream_status": 503, "arrived": [], "page": "raise max_streams"},
    ],
)
def test_every_place_in_the_words_is_filled(language: str, measured: dict[str, Any]) -> None:
    now = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
    given = Measured(**(CLEAN | {"address": "http://dash.example/"} | measured))
    told = tell(judge(given, seen()), given, seen(), Wording(language, now))
    assert "{idle}" not in told["report"]
    assert "None" not in told["report"]
    assert "http://dash.example/" in told["report"]
    assert told["headline"] in told["report"]
    assert all(row["text"] for row in told["checks"])
    assert told["report"].count("[") >= len(told["checks"])


def test_the_ladder_is_the_pages_own() -> None:
    """What the verdict says the dashboard will do are the timings by which it does so."""
    source = (STATIC / "js" / "stream" / "timings.js").read_text(encoding="utf-8")
    timings = {
        name: float(value)
        for name, value in re.findall(r"^  (\w+): ([\d.]+),", source, re.MULTILINE)
    }
    ours = {
        "hello": rules.HELLO,
        "wait": rules.WAIT,
        "shortestWait": rules.SHORTEST_WAIT,
        "quick": rules.QUICK,
    }
    assert {name: timings[name] / 1000 for name in ours} == ours
    assert Settings().heartbeat == rules.HEARTBEAT


def test_there_are_lines_for_every_product_and_no_other() -> None:
    for product in ADVICE:
        assert lines(product).strip()
        assert max(map(len, lines(product).splitlines())) < 90
    with pytest.raises(KeyError):
        lines("../nginx")
