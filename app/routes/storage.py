"""What is kept: for programs, and the page."""

from __future__ import annotations

from quart import Blueprint, Response
from quart.typing import ResponseReturnValue
from quart_schema import document_response

from app.routes.answers import json_answer
from app.routes.pages import page, words
from app.state import state
from app.store.storage import Storage, storage

blueprint = Blueprint("storage", __name__)


@blueprint.get("/api/storage")
@document_response(Storage)
async def read_storage() -> Response:
    """What is kept, how large it is, by which rules, and what goes next."""
    return json_answer(await _found())


@blueprint.get("/storage", endpoint="storage")
async def storage_page() -> ResponseReturnValue:
    found = await _found()
    return await page("storage.html", words(), storage=found)


async def _found() -> Storage:
    server = state()
    return await server.database.read(
        lambda connection: storage(connection, server.database, server.settings)
    )
