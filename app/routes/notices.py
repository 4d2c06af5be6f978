"""A producer's own events."""

from __future__ import annotations

from typing import Any

from quart import Blueprint, Response
from quart_schema import document_request, document_response

from app import decoding
from app.models import Notice
from app.routes.answers import json_answer
from app.routes.replies import NoticeReply
from app.state import state
from app.store import tasks
from app.store.transaction import Transaction

blueprint = Blueprint("notices", __name__)


@blueprint.post("/api/events")
@document_request(Notice)
@document_response(NoticeReply, 201)
async def announce() -> Response:
    """Announce something to whoever watches, on its own or about a task."""
    notice = await decoding.body(Notice)
    data = {
        "name": notice.name,
        "message": notice.message,
        "level": notice.level,
        "task_id": notice.task_id,
        "data": notice.data,
    }

    def work(tx: Transaction) -> dict[str, Any]:
        queue = None
        if notice.task_id is not None:
            queue = tasks.get(tx.connection, notice.task_id).queue
        text = f"{notice.name}: {notice.message}" if notice.message else notice.name
        tx.emit("NOTICE", text, data, task_id=notice.task_id, queue=queue)
        return data

    answer = await state().database.write(work, key=await decoding.idempotency_key())
    return json_answer(answer, 201)
