"""Log lines: append (a batch, or a stream committed while it arrives), read, download."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
from quart import Blueprint, Response, request
from quart_schema import document_querystring, document_request, document_response

from app import decoding
from app.catalogue import Text
from app.errors import NotFound, UnsupportedMedia
from app.event import LogLine
from app.models import (
    Body,
    LogAppend,
    LogIndexQuery,
    LogLineIn,
    LogQuery,
    RecordStream,
    TextStream,
)
from app.routes.answers import json_answer
from app.routes.download import download
from app.routes.ingest import record_pieces, text_pieces
from app.routes.replies import AppendReply, LogIndexReply, LogReply
from app.routes.tasks import TASK
from app.state import state
from app.store import log_reading, log_search, logs, tasks
from app.store.database import Database
from app.store.transaction import Transaction

blueprint = Blueprint("logs", __name__)


@blueprint.post(f"{TASK}/logs")
@document_querystring(TextStream)
@document_request(LogAppend)
@document_response(AppendReply)
async def append_log(task_id: int) -> Response:
    """Append log lines.

    A JSON batch, without a query; or a stream of any length, committed while it arrives:
    `application/x-ndjson` (one `LogLineIn` a line) or `text/plain` (output as it is). Streams have
    `producer`, `batch` and `attempt` in the query, text its `stream` and `level` too. `producer`
    and `batch` make a repeated delivery harmless.
    """
    if request.mimetype in ("text/plain", "application/x-ndjson"):
        return await _append_stream(task_id)
    command = await _batch()

    def work(tx: Transaction) -> dict[str, Any]:
        return logs.append(tx, task_id, command)

    key = await decoding.idempotency_key()
    return json_answer(await state().database.write(work, key=key))


@blueprint.get(f"{TASK}/logs")
@document_querystring(LogQuery)
@document_response(LogReply)
async def read_log(task_id: int) -> Response:
    """Read log lines.

    From a number on, or the newest `tail`, by level, stream, time and text. `format=text` downloads
    all that match as text, clean of escape sequences unless `raw`; `format=ndjson` as records.
    """
    query = decoding.query(LogQuery)
    database = state().database
    reading = log_reading.Reading(task_id, query)
    if query.format == "json":
        return json_answer(await _read(database, reading))
    task = await database.read(lambda connection: tasks.get(connection, task_id))
    # As it is now: a log may grow faster than the client takes it.
    last = task.last_line if query.to is None else min(query.to, task.last_line)
    query = msgspec.structs.replace(query, to=last)
    return download(
        _pieces(database, task_id, query),
        format=query.format,
        raw=query.raw,
        name=f"{task.name}-{task_id}",
    )


async def _read(database: Database, reading: log_reading.Reading) -> dict[str, Any]:
    run = database.read if reading.quick else database.search
    while (answer := await run(reading.step)) is None:
        pass
    return answer


@blueprint.get(f"{TASK}/logs/index")
@document_querystring(LogIndexQuery)
@document_response(LogIndexReply)
async def log_index(task_id: int) -> Response:
    """Where in a log the lines are that match.

    Looks for about 0.3 s, the newest lines first; go on with `to`=`next`.
    """
    query = decoding.query(LogIndexQuery)
    work = partial(log_search.index, task_id=task_id, query=query)
    return json_answer(await state().database.search(work))


async def _batch() -> LogAppend:
    # Output is not always text: half surrogates become U+FFFD here instead of being refused.
    kind = request.mimetype
    if kind == decoding.JSON_TYPE or kind.endswith("+json"):
        decoding.query(Body)  # a producer given there would be no protection
        return decoding.from_json_lenient(LogAppend, await decoding.raw_body() or b"{}")
    raise UnsupportedMedia("problem.log_type", type=kind or Text("problem.no_type"))


async def _append_stream(task_id: int) -> Response:
    decoding.check_encoding()
    text = request.mimetype == "text/plain"
    if not text:
        decoding.query(RecordStream)  # refuses what only text takes
    options = decoding.query(TextStream)
    producer, batch = options.producer, options.batch
    key = request.headers.get("Idempotency-Key")
    if key and batch is None:
        # A stream cannot be hashed before it is stored, but it can be recognised.
        producer, batch = f"key:{hashlib.sha256(key.encode()).hexdigest()[:32]}", 1
    by_key = producer is not options.producer
    options = msgspec.structs.replace(options, producer=producer, batch=batch)
    database = state().database
    if not await database.read(lambda connection: tasks.exists(connection, task_id)):
        raise NotFound("problem.no_task", id=task_id)
    stream = logs.Stream(producer, batch, options.attempt, by_key=by_key)
    pieces = text_pieces if text else record_pieces
    accepted = 0
    answer: dict[str, Any] = {}

    async def commit(lines: list[LogLineIn], last: bool) -> None:
        nonlocal accepted, answer
        answer = await database.write(
            lambda tx: logs.append_piece(tx, task_id, stream, lines, last=last)
        )
        accepted += answer["accepted"]

    async for lines in pieces(aiter(request.body), options):
        await commit(lines, last=False)
        if answer.get("duplicate"):
            return json_answer(answer)
    await commit([], last=True)
    return json_answer(answer | {"accepted": accepted})


async def _pieces(
    database: Database, task_id: int, query: LogQuery
) -> AsyncIterator[list[LogLine]]:
    """The matching lines, part by part: no read transaction is open while the client takes them."""
    if query.tail is not None:
        answer = await _read(database, log_reading.Reading(task_id, query))
        yield answer["lines"]
        return
    run = database.read if log_reading.sought(query).all else database.search
    first: int | None = query.from_ or 1
    while first is not None:
        part = partial(log_reading.piece, task_id=task_id, query=query, first=first)
        lines, first = await run(part)
        if lines:
            yield lines
