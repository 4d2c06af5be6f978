"""Is it alive, and how full is it."""

from __future__ import annotations

from typing import Any

from quart import Blueprint
from quart_schema import document_response

from app import __version__
from app.routes.replies import HealthReply, ReadyReply
from app.state import state

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@document_response(HealthReply)
async def healthz() -> dict[str, Any]:
    """Answers without touching the database: the event loop turns."""
    server = state()
    sizes = server.database.file.sizes()
    return {
        "status": "ok",
        "version": __version__,
        "streams": len(server.registry),
        "database_bytes": sizes.file,
        "wal_bytes": sizes.wal,
    }


@blueprint.get("/readyz")
@document_response(ReadyReply)
async def readyz() -> dict[str, str]:
    """Answers once a read goes through."""
    await state().database.read(lambda connection: connection.execute("SELECT 1").fetchone())
    return {"status": "ok"}
