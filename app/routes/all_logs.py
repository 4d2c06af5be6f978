"""The logs of all tasks together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
from quart import Blueprint, Response
from quart_schema import document_querystring, document_response

from app import decoding
from app.event import LogLine
from app.models import AllLogsQuery, MatchesQuery
from app.routes.answers import json_answer
from app.routes.download import download
from app.routes.replies import AllLogsReply, MatchesReply
from app.state import state
from app.store import all_logs, log_search
from app.store.database import Database

blueprint = Blueprint("all_logs", __name__)

PIECE = 5000  # lines of a download read at once


@blueprint.get("/api/logs")
@document_querystring(AllLogsQuery)
@document_response(AllLogsReply)
async def read_all_logs() -> Response:
    """Read the lines of all logs, in the order in which they came.

    The newest, or back from `before`, or on from `after`. Looks for about 0.3 s: a page may come
    back short, even without a line, so go on until `done`. `format=text` and `format=ndjson`
    download all that match, from the oldest on.
    """
    query = decoding.query(AllLogsQuery)
    database = state().database
    first = all_logs.Page(query)
    if query.format == "json":
        return json_answer(await _page(database, first))
    return download(_pieces(database, query), format=query.format, raw=query.raw, name="logs")


@blueprint.get("/api/logs/matches")
@document_querystring(MatchesQuery)
@document_response(MatchesReply)
async def matches() -> Response:
    """In which logs the lines are that match.

    Looks for about 0.3 s, at the newest task's log first; go on with `page`=`next`.
    """
    work = partial(log_search.matches, query=decoding.query(MatchesQuery))
    return json_answer(await state().database.search(work))


async def _page(database: Database, page: all_logs.Page) -> dict[str, Any]:
    run = database.read if page.quick else database.search
    while (answer := await run(page.step)) is None:
        pass
    return answer


async def _pieces(database: Database, query: AllLogsQuery) -> AsyncIterator[list[LogLine]]:
    """Page after page: no read transaction is open while the client takes them."""
    after = query.after or str(all_logs.FIRST)
    end = await database.read(all_logs.end_of)  # or it would run after what comes
    until = end if query.until is None else min(query.until, end)
    while True:
        part = msgspec.structs.replace(query, until=until, after=after, limit=PIECE)
        answer = await _page(database, all_logs.Page(part))
        yield answer["lines"]
        if answer["done"]:
            return
        after = answer["newer"]
