"""The network check: probes that measure the way to the client, the verdict, and the page."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart_schema import document_querystring, document_response

from app import __version__, decoding, language
from app.errors import Unprocessable
from app.models import Body
from app.network.boxes import ADVICE, TELLING
from app.network.measured import Measured, Seen
from app.network.verdict import judge
from app.network.words import advice, tell
from app.routes.answers import json_answer
from app.routes.pages import page, words
from app.routes.replies import HeldReply, SeenReply, VerdictReply
from app.state import state
from app.stream.probe import LONGEST, Probe, hold
from app.stream.streaming import StreamResponse

blueprint = Blueprint("network", __name__)

HEADER_LIMIT = 300  # characters of a header that is told back


class ProbeQuery(Body):
    """`count` events, `pause` seconds apart, every second one of `size` bytes.

    `nonce` is ignored, here and below: caches merge equal requests, so make it differ.
    """

    count: Annotated[int, Meta(ge=1, le=20)] = 6
    pause: Annotated[float, Meta(ge=0, le=LONGEST)] = 0.4
    size: Annotated[int, Meta(ge=0, le=16384)] = 0
    type: Literal["text/event-stream", "application/json"] = "text/event-stream"
    nonce: str = ""

    def __post_init__(self) -> None:
        if (self.count - 1) * self.pause > LONGEST:
            raise Unprocessable.field("pause", "limit.pause", most=f"{LONGEST:g}")


class HoldQuery(Body):
    """Seconds to wait."""

    wait: Annotated[float, Meta(ge=0, le=30)] = 25
    nonce: str = ""


class NoQuery(Body):
    nonce: str = ""


class VerdictQuery(Measured):
    __doc__ = Measured.__doc__
    nonce: str = ""


@blueprint.get("/network")
async def network() -> ResponseReturnValue:
    """The page. `?idle=` and `?poll=` shorten its two slow checks."""
    w = words()
    address = request.url_root
    told = tell(judge(Measured(), found := _seen()), Measured(address=address), found, w)
    blocks = [advice(name, w, address) for name in (*ADVICE, "keeper")]
    return await page(
        "network.html",
        w,
        checks=told["checks"],
        blocks=blocks,
        address=address.rstrip("/"),
    )


@blueprint.get("/api/network/seen")
@document_querystring(NoQuery)
@document_response(SeenReply)
async def seen() -> Response:
    """What of this request arrived here: boxes on the way leave their marks."""
    decoding.query(NoQuery)
    server, found = state(), _seen()
    return json_answer(
        SeenReply(
            name="LiveQueue",
            version=found.version,
            instance=server.database.epochs.current,
            http=found.http,
            scheme=found.scheme,
            host=found.host,
            client=found.client,
            prefix=found.prefix,
            headers=dict(found.headers),
        )
    )


@blueprint.get("/api/network/stream")
@document_querystring(ProbeQuery)
async def stream() -> ResponseReturnValue:
    """Numbered events at a steady pace, with the headers of `/events`.

    Two events with a long pause between are a silent stream. It takes a place among the streams.
    """
    query = decoding.query(ProbeQuery)
    client = request.remote_addr or ""
    if request.method == "HEAD":
        return Response(b"", content_type=query.type)
    probe = Probe(state().registry, client, query.count, query.pause, query.size)
    response = StreamResponse(probe)
    if query.type != "text/event-stream":
        response.headers["Content-Type"] = query.type
    return response


@blueprint.get("/api/network/poll")
@document_querystring(HoldQuery)
@document_response(HeldReply)
async def poll() -> Response:
    """Answers after `wait` seconds, as a long-poll without events does."""
    query = decoding.query(HoldQuery)
    whole = await hold(state().registry, request.remote_addr or "", query.wait)
    return json_answer(HeldReply(waited=query.wait, stopping=not whole))


@blueprint.post("/api/network/write")
@document_response(NoQuery, 204)
async def write() -> Response:
    """Changes nothing: whether what a page sends gets through."""
    return Response(b"", 204)


@blueprint.get("/api/network/verdict")
@document_querystring(VerdictQuery)
@document_response(VerdictReply)
async def verdict() -> Response:
    """What measurements mean, in words, and what to do. In the language of `Accept-Language`."""
    measured = decoding.query(VerdictQuery)
    found = _seen()
    w = words()
    answer = json_answer(tell(judge(measured, found), measured, found, w))
    language.mark(answer.headers, w.language)
    return answer


def _seen() -> Seen:
    told = {name: request.headers.get(name, "") for name in TELLING}
    return Seen(
        version=__version__,
        http=request.http_version,
        scheme=request.scheme,
        host=request.host,
        client=request.remote_addr or "",
        prefix=request.root_path,
        headers={name: value[:HEADER_LIMIT] for name, value in told.items() if value},
    )
