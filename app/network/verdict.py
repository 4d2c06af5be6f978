"""From measurements to a verdict. Pure; the words are in words.py.

What the dashboard does in each case is the ladder of static/js/stream/stream.js; its timings are
in timings.js.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec.structs import replace

from app.network.boxes import ADVICE, Box, identify
from app.network.measured import Measured, Seen

Flow = Literal["waiting", "steady", "late", "held", "cut", "mute", "refused"]
State = Literal["waiting", "ok", "note", "warning", "problem"]
Rung = Literal["sse", "long-poll", "poll"]

SLOW = 1.0  # seconds for a small answer
LATE = 1.0  # seconds between the quickest and the slowest event
BURST = 0.1  # seconds: what arrives closer together came in one piece
HELLO = 4.0  # seconds the page waits for the first event
HEARTBEAT = 15.0
WAIT = 25.0
QUICK = 3.0  # a stream that is cut sooner counts as refused
SHORTEST_WAIT = 2.0
SWEEP = 1.0  # seconds a heartbeat may be late


@dataclass(frozen=True)
class Check:
    """One row; `word` and `values` make its words."""

    name: str
    state: State
    word: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """`findings` say what is wrong, worst first; `advice` names what to offer, best first."""

    state: Literal["live", "degraded", "waiting"]
    rung: Rung
    heartbeat: float
    wait: float
    complete: bool
    box: Box | None
    checks: tuple[Check, ...]
    findings: tuple[str, ...]
    advice: tuple[str, ...]


def judge(measured: Measured, seen: Seen) -> Verdict:
    """What the network does, and what the dashboard will do about it."""
    if busy(measured):  # what was refused for that says nothing about the network
        measured = replace(measured, idle=None, poll=None, quick=True)
    box = identify(measured, seen)
    flow = flow_of(measured)
    checks = (
        _first_byte(measured),
        _between(measured, seen, box),
        _http(measured),
        _prefix(measured, seen),
        _steady(measured, flow),
        _buffering(measured, flow),
        _compression(measured, flow),
        _write(measured),
        _idle(measured),
        _poll(measured),
        Check("websocket", "ok", "unused"),
    )
    rung = _rung(measured, flow)
    findings = tuple(_findings(measured, flow, rung))
    waiting = flow == "waiting"
    return Verdict(
        state="waiting" if waiting else "degraded" if findings else "live",
        rung=rung,
        heartbeat=_heartbeat(measured),
        wait=_wait(measured),
        complete=measured.quick or (measured.idle is not None and measured.poll is not None),
        box=box,
        checks=checks,
        findings=findings,
        advice=_advice(box, findings),
    )


def flow_of(measured: Measured) -> Flow:
    """How the events came through."""
    status, sent, arrived = measured.stream_status, measured.sent, measured.arrived
    if status is None:
        return "waiting"
    if status not in (0, 200):
        return "refused"
    if not arrived or arrived[0] > HELLO:
        return "mute"
    if len(arrived) < measured.events:
        return "cut"
    if spread(sent, arrived) < LATE:
        return "steady"
    return "held" if bursts(arrived) <= 2 else "late"


def busy(measured: Measured) -> bool:
    """Whether our own limits refused a stream: these are our words."""
    return "max_streams" in measured.page


def spread(sent: list[float], arrived: list[float]) -> float:
    """How much later the slowest event came than the quickest."""
    delays = [came - went for went, came in zip(sent, arrived, strict=False)]
    return max(delays) - min(delays) if delays else 0.0


def bursts(arrived: list[float]) -> int:
    """In how many pieces they came."""
    return sum(
        later - earlier > BURST for earlier, later in zip([-1.0, *arrived], arrived, strict=False)
    )


def _rung(measured: Measured, flow: Flow) -> Rung:
    idle, poll = _idle_cut(measured), _poll_cut(measured)
    if flow in ("waiting", "steady", "late") and (idle is None or idle >= QUICK):
        return "sse"
    return "poll" if poll is not None and poll / 2 < SHORTEST_WAIT else "long-poll"


def _heartbeat(measured: Measured) -> float:
    """Seconds; asked of the server once a stream was cut while silent."""
    cut = _idle_cut(measured)
    return HEARTBEAT if cut is None else float(min(max(int(cut / 2), 2), 30))


def _wait(measured: Measured) -> float:
    cut = _poll_cut(measured)
    return WAIT if cut is None else cut / 2


def _idle_cut(measured: Measured) -> float | None:
    """After how many seconds, when that is sooner than our heartbeat."""
    cut = measured.idle if measured.idle_status != 200 else None
    return cut if cut is not None and cut < HEARTBEAT + SWEEP else None


def _poll_cut(measured: Measured) -> float | None:
    """After how many seconds, when that is sooner than our polls wait."""
    cut = measured.poll if measured.poll_status != 200 else None
    return cut if cut is not None and cut < WAIT else None


def _findings(measured: Measured, flow: Flow, rung: Rung) -> list[str]:
    found = ["busy"] if busy(measured) else []
    if flow == "held":
        if measured.encoding not in ("", "identity"):
            found.append("compressed")
        elif _other_flows(measured):
            found.append("filtered")
        else:
            found.append("held")
    elif flow == "mute" and _other_flows(measured):
        found.append("filtered")
    elif flow not in ("waiting", "steady") and not busy(measured):
        found.append(flow)
    if _idle_cut(measured) is not None:
        found.append("idle_short")
    if rung != "sse" and _poll_cut(measured) is not None:
        found.append("poll_short")
    if measured.write_status not in (None, 200, 204):
        found.append("write_refused")
    if measured.http == "1.0":
        found.append("http_old")
    return found


def _other_flows(measured: Measured) -> bool:
    """Whether only event streams are held back: a filter goes by the content type."""
    arrived = measured.other_arrived
    return len(arrived) == measured.events and spread(measured.other_sent, arrived) < LATE


def _advice(box: Box | None, findings: tuple[str, ...]) -> tuple[str, ...]:
    if findings == ("busy",):
        return ()
    order = list(ADVICE)
    if box and box.product:
        order.remove(box.product)
        order.insert(0, box.product)
    # Without a box that is ours to set up, asking comes first.
    ask_first = "filtered" in findings or (findings and (box is None or box.reverse is False))
    order.insert(0 if ask_first else len(order), "keeper")
    return tuple(order)


# The rows


def _first_byte(measured: Measured) -> Check:
    if measured.first_byte is None:
        return Check("first_byte", "waiting")
    values = {"time": measured.first_byte}
    if measured.queued is not None and measured.queued > SLOW / 2:
        return Check("first_byte", "warning", "queued", {**values, "queued": measured.queued})
    slow = measured.first_byte >= SLOW
    return Check("first_byte", "warning" if slow else "ok", "slow" if slow else "fine", values)


def _between(measured: Measured, seen: Seen, box: Box | None) -> Check:
    if measured.first_byte is None:
        return Check("between", "waiting")
    if box is None:
        return Check("between", "ok", "nothing")
    if not box.name:
        return Check("between", "note", "unnamed")
    told = seen.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    believed = not told or told == seen.client
    word = "untrusted" if box.reverse and not believed else "named"
    return Check("between", "note", word, {"box": box.name})


def _http(measured: Measured) -> Check:
    if not measured.http:
        return Check("http", "waiting" if measured.first_byte is None else "note", "unknown")
    old = measured.http == "1.0"
    one = measured.http.startswith("1")
    word = "old" if old else "one" if one else "many"
    return Check("http", "warning" if old else "ok", word, {"version": measured.http})


def _prefix(measured: Measured, seen: Seen) -> Check:
    if measured.first_byte is None:
        return Check("prefix", "waiting")
    prefix = measured.prefix or "/"
    if prefix == "/":
        return Check("prefix", "ok", "none")
    kept = seen.prefix.rstrip("/") == prefix.rstrip("/")
    return Check("prefix", "ok", "kept" if kept else "stripped", {"prefix": prefix})


def _steady(measured: Measured, flow: Flow) -> Check:
    if flow == "waiting":
        return Check("steady", "waiting")
    arrived = measured.arrived
    values = {
        "came": len(arrived),
        "events": measured.events,
        "late": spread(measured.sent, arrived),
        "status": measured.stream_status,
    }
    if flow == "steady":
        return Check("steady", "ok", "steady", values)
    if flow == "late":
        return Check("steady", "warning", "late", values)
    return Check("steady", "problem", flow, values)


def _buffering(measured: Measured, flow: Flow) -> Check:
    if flow == "waiting":
        return Check("buffering", "waiting")
    if flow in ("steady", "late"):
        return Check("buffering", "ok", "none")
    if flow in ("cut", "refused"):
        return Check("buffering", "note", "unknown")
    if _other_flows(measured):
        return Check("buffering", "problem", "filtered")
    return Check("buffering", "problem", flow, {"late": spread(measured.sent, measured.arrived)})


def _compression(measured: Measured, flow: Flow) -> Check:
    if flow == "waiting":
        return Check("compression", "waiting")
    if flow in ("mute", "refused"):
        return Check("compression", "note", "unknown")
    if measured.encoding in ("", "identity"):
        return Check("compression", "ok", "none")
    values = {"encoding": measured.encoding}
    if flow == "held":
        return Check("compression", "problem", "holds", values)
    return Check("compression", "note", "harmless", values)


def _write(measured: Measured) -> Check:
    status = measured.write_status
    if status is None:
        return Check("write", "waiting")
    if status in (200, 204):
        return Check("write", "ok", "fine")
    return Check("write", "problem", "refused", {"status": status})


def _idle(measured: Measured) -> Check:
    if measured.idle is None:
        return Check("idle", "note" if measured.quick else "waiting", "skipped")
    values = {"time": measured.idle}
    if measured.idle_status == 200:
        return Check("idle", "ok", "whole", values)
    if _idle_cut(measured) is not None:
        return Check("idle", "warning", "short", values)
    return Check("idle", "ok", "long", values)


def _poll(measured: Measured) -> Check:
    if measured.poll is None:
        return Check("poll", "note" if measured.quick else "waiting", "skipped")
    values = {"time": measured.poll, "status": measured.poll_status}
    if measured.poll_status == 200:
        return Check("poll", "ok", "whole", values)
    return Check("poll", "ok" if _poll_cut(measured) is None else "warning", "cut", values)
