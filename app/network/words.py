"""A verdict in words: for the page, for the terminal, and as a text to send to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.network.advice import TITLES, lines
from app.network.measured import Measured, Seen
from app.network.verdict import Check, Verdict
from app.wording import Wording

_MARKS = {"ok": "ok", "note": "--", "warning": "!!", "problem": "XX", "waiting": ".."}


def tell(verdict: Verdict, measured: Measured, seen: Seen, w: Wording) -> dict[str, Any]:
    """The answer of `/api/network/verdict`."""
    told: dict[str, Any] = {
        "state": verdict.state,
        "rung": verdict.rung,
        "heartbeat": verdict.heartbeat,
        "wait": verdict.wait,
        "complete": verdict.complete,
        "box": verdict.box.name if verdict.box else "",
        "findings": list(verdict.findings),
        "headline": w.t(f"network.verdict.{_headline(verdict)}"),
        "explanation": _explanation(verdict, measured, w),
        "checks": [_check(check, w) for check in verdict.checks],
        "advice": [advice(name, w, measured.address or seen.host) for name in verdict.advice],
    }
    told["report"] = _report(told, measured, seen, w)
    return told


def advice(name: str, w: Wording, address: str) -> dict[str, str]:
    """One block: where it goes, and what."""
    if name == "keeper":
        text = w.t("network.keeper.text", address=address)
        if address.startswith("http://"):
            text += "\n" + w.t("network.keeper.https")
        return {
            "name": name,
            "title": w.t("network.advice.keeper"),
            "where": w.t("network.where.keeper"),
            "lines": text,
        }
    return {
        "name": name,
        "title": TITLES[name],
        "where": w.t(f"network.where.{name}"),
        "lines": lines(name),
    }


def seconds(w: Wording, value: float) -> str:
    """`12 ms`, `1.6 s`, `70 s`"""
    if value < 1:
        return w.t("network.ms", value=round(value * 1000))
    return w.t("network.seconds", value=w.number(round(value, 1)))


def _headline(verdict: Verdict) -> str:
    if verdict.state == "waiting":
        return "waiting"
    if verdict.rung == "sse":
        return "live" if verdict.state == "live" else "live-but"
    return verdict.rung


def _explanation(verdict: Verdict, measured: Measured, w: Wording) -> list[str]:
    if verdict.state == "waiting":
        return []
    box = verdict.box.name if verdict.box and verdict.box.name else w.t("network.something")
    values = {
        "box": box,
        "encoding": measured.encoding,
        "status": measured.stream_status,
        "write_status": measured.write_status,
        "idle": seconds(w, measured.idle or 0),
        "poll": seconds(w, measured.poll or 0),
        "heartbeat": seconds(w, verdict.heartbeat),
        "wait": seconds(w, verdict.wait),
    }
    said = [w.t(f"network.finding.{finding}", **values) for finding in verdict.findings]
    quicker = verdict.rung == "sse" and "idle_short" in verdict.findings
    shorter = verdict.rung == "long-poll" and "poll_short" in verdict.findings
    suffix = "-quicker" if quicker else "-shorter" if shorter else ""
    said.append(w.t(f"network.rung.{verdict.rung}{suffix}", **values))
    if not verdict.complete:
        said.append(w.t("network.so_far"))
    return said


def _check(check: Check, w: Wording) -> dict[str, str]:
    title = w.t(f"network.check.{check.name}")
    text = ""
    if check.word and check.state != "waiting":
        text = w.t(f"network.{check.name}.{check.word}", **_values(check.values, w))
    return {
        "name": check.name,
        "state": check.state,
        "title": title,
        "text": text,
        "line": f"[{_MARKS[check.state]}] {title}: {text or '...'}",
    }


def _values(values: Mapping[str, Any], w: Wording) -> dict[str, Any]:
    times = ("time", "late", "queued")
    return {name: seconds(w, value) if name in times else value for name, value in values.items()}


def _report(told: Mapping[str, Any], measured: Measured, seen: Seen, w: Wording) -> str:
    """All of it as plain text, to send to whoever can change something."""
    address = measured.address or seen.host
    head = [w.t("network.report.title", address=address)]
    head.append(f"{w.now:%Y-%m-%d %H:%M} UTC · LiveQueue {seen.version}")
    if measured.proxy:
        head.append(w.t("network.report.proxy", proxy=measured.proxy))
    parts = ["\n".join(head), "\n".join([told["headline"], *told["explanation"]])]
    parts.append("\n".join(check["line"] for check in told["checks"]))
    forwarded = [f"{name}: {value}" for name, value in seen.headers.items()]
    if forwarded:
        parts.append("\n".join([w.t("network.report.headers"), *forwarded]))
    if told["findings"] and told["advice"]:
        best = told["advice"][0]
        parts.append(f"{best['title']}: {best['where']}\n\n{best['lines']}")
    return "\n\n".join(parts) + "\n"
