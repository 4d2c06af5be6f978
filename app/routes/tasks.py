"""Tasks: create, list, read, report, cancel, retry, delete, and signs of life."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

from quart import Blueprint, Response, request
from quart_schema import document_querystring, document_request, document_response

from app import decoding, language
from app.errors import NotFound, Problem, Unprocessable
from app.models import (
    BatchAction,
    BulkPatch,
    Cancel,
    Empty,
    Heartbeat,
    HeartbeatQuery,
    TaskCreate,
    TaskPatch,
    TaskQuery,
)
from app.routes.answers import json_answer, wants_text
from app.routes.replies import (
    BatchReply,
    BulkReply,
    HeartbeatReply,
    StatsReply,
    TaskPage,
    TaskReply,
)
from app.routes.watching import until_cancelled
from app.rules.lifecycle import decide_cancel, decide_create, decide_heartbeat, decide_retry
from app.rules.task import TERMINAL, Task, task_json
from app.rules.update import decide_patch
from app.state import state
from app.store import clock, task_list, tasks
from app.store.events import cursor_of
from app.store.transaction import Transaction

blueprint = Blueprint("tasks", __name__)

TASK = "/api/tasks/<int:task_id>"


@blueprint.post("/api/tasks")
@document_request(TaskCreate)
@document_response(TaskReply, 201)
async def create_task() -> Response:
    """Create a task.

    Also takes a form: `curl -d name=backup URL/api/tasks`. With `Accept: text/plain` the answer is
    the id alone.
    """
    command = await decoding.body(TaskCreate)

    def work(tx: Transaction) -> dict[str, Any]:
        return task_json(tasks.insert(tx, decide_create(command, tx.now, tx.clock)), tx.now)

    task = await state().database.write(work, key=await decoding.idempotency_key())
    # Relative to this path, so that it is right under any prefix.
    headers = {"Location": f"./tasks/{task['id']}"}
    if wants_text():
        return Response(f"{task['id']}\n", 201, headers, content_type="text/plain; charset=utf-8")
    return json_answer(task, 201, headers)


@blueprint.get("/api/tasks")
@document_querystring(TaskQuery)
@document_response(TaskPage)
async def list_tasks() -> Response:
    """List tasks, a page at a time, with the cursor of the snapshot."""
    query = decoding.query(TaskQuery)

    def work(connection: sqlite3.Connection) -> tuple[task_list.Page, str]:
        return task_list.page(connection, query), cursor_of(connection)

    page, cursor = await state().database.read(work)
    _, now = clock.now()
    rows = [task_json(task, now, whole=False) for task in page.tasks]
    return json_answer({"tasks": rows, "next": page.next, "cursor": cursor})


@blueprint.get(TASK)
@document_response(TaskReply)
async def read_task(task_id: int) -> Response:
    """Read one task, payload and result included."""
    task = await state().database.read(lambda connection: tasks.get(connection, task_id))
    _, now = clock.now()
    return json_answer(task_json(task, now))


@blueprint.patch(TASK)
@document_request(TaskPatch)
@document_response(TaskReply)
async def report_task(task_id: int) -> Response:
    """Report about a task: status, progress, message and more.

    A finished task stays as it is: its end repeated is 200, anything else late is 409.
    """
    patch = await decoding.body(TaskPatch)

    def work(tx: Transaction) -> dict[str, Any]:
        return task_json(_patch(tx, task_id, patch), tx.now)

    return json_answer(await state().database.write(work, single=True))


@blueprint.patch("/api/tasks")
@document_request(BulkPatch)
@document_response(BulkReply)
async def report_tasks() -> Response:
    """Report about many tasks at once; each item has its own result, good ones are stored."""
    updates = (await decoding.body(BulkPatch)).updates
    parsed = [_parse_update(update) for update in updates]
    result = partial(_result, language.of_request())

    def one(tx: Transaction, item: tuple[int, TaskPatch] | Problem) -> Task | Problem:
        if isinstance(item, Problem):
            return item
        try:
            return _patch(tx, *item)
        except Problem as problem:  # raised by rules, before anything of the item is written
            return problem

    def work(tx: Transaction) -> list[dict[str, Any]]:
        return [
            result(update.get("id") if isinstance(update, dict) else None, one(tx, item), tx.now)
            for update, item in zip(updates, parsed, strict=True)
        ]

    return json_answer({"results": await state().database.write(work)})


@blueprint.post("/api/tasks/batch")
@document_request(BatchAction)
@document_response(BatchReply)
async def act_on_tasks() -> Response:
    """Cancel, retry or delete many tasks, by ids or by a filter.

    At most 1000 at a time; `count` says how many there are, so repeat while it is more than the
    results. `dry_run` only counts.
    """
    command = await decoding.body(BatchAction)
    key = await decoding.idempotency_key()
    result = partial(_result, language.of_request())
    database = state().database
    if command.dry_run:
        count, _ = await database.read(lambda connection: task_list.targets(connection, command))
        return json_answer({"count": count, "results": []})

    def act(tx: Transaction, task_id: int) -> Task | Problem | None:
        try:
            task = tasks.get(tx.connection, task_id)
            if command.action == "cancel":
                return tasks.apply(tx, decide_cancel(task, force=False, now=tx.now))
            if command.action == "retry":
                return tasks.apply(tx, decide_retry(task, tx.now))
            tasks.delete(tx, task_id)
        except Problem as problem:
            return problem
        return None

    def work(tx: Transaction) -> dict[str, Any]:
        count, ids = task_list.targets(tx.connection, command)
        results = [result(task_id, act(tx, task_id), tx.now) for task_id in ids]
        return {"count": count, "results": results}

    return json_answer(await database.write(work, key=key))


@blueprint.post(f"{TASK}/cancel")
@document_request(Cancel)
@document_response(TaskReply)
async def cancel_task(task_id: int) -> Response:
    """Cancel a task: at once, or by asking its producer when one listens.

    `force` ends it without asking.
    """
    command = await decoding.body(Cancel)

    def work(tx: Transaction) -> dict[str, Any]:
        decision = decide_cancel(tasks.get(tx.connection, task_id), command.force, tx.now)
        return task_json(tasks.apply(tx, decision), tx.now)

    return json_answer(await state().database.write(work, key=await decoding.idempotency_key()))


@blueprint.post(f"{TASK}/retry")
@document_request(Empty)
@document_response(TaskReply)
async def retry_task(task_id: int) -> Response:
    """Queue a finished task again, as its next attempt."""
    await decoding.body(Empty)

    def work(tx: Transaction) -> dict[str, Any]:
        decision = decide_retry(tasks.get(tx.connection, task_id), tx.now)
        return task_json(tasks.apply(tx, decision), tx.now)

    return json_answer(await state().database.write(work, key=await decoding.idempotency_key()))


@blueprint.delete(TASK)
@document_response(Empty, 204)
async def delete_task(task_id: int) -> Response:
    """Delete a task and its log."""
    await state().database.write(lambda tx: tasks.delete(tx, task_id))
    return Response(b"", 204)


@blueprint.post(f"{TASK}/heartbeat")
@document_querystring(HeartbeatQuery)
@document_request(Heartbeat)
@document_response(HeartbeatReply)
async def heartbeat(task_id: int) -> Response:
    """A producer's sign of life; the answer says whether cancellation was asked.

    With `wait` (seconds) it answers at once when that happens or the task ends, else after it.
    """
    command = await decoding.body(Heartbeat)
    wait = decoding.query(HeartbeatQuery).wait
    server = state()
    since = server.hub.head

    def work(tx: Transaction) -> dict[str, Any]:
        nonlocal wait
        task = tasks.get(tx.connection, task_id)
        if task.heartbeat_timeout is not None:
            # While it waits the producer sends nothing, and must not count as stalled for it.
            wait = min(wait, task.heartbeat_timeout / 2)
        decision = decide_heartbeat(task, command.attempt, tx.now, tx.clock)
        return _life(tasks.apply(tx, decision))

    answer = await server.database.write(work, key=await decoding.idempotency_key())
    if not wait or answer["cancel_requested"] or answer["status"] in TERMINAL:
        return json_answer(answer)
    await until_cancelled(server, task_id, since, wait, request.remote_addr or "")
    task = await server.database.read(lambda connection: tasks.find(connection, task_id))
    if task is None:
        raise NotFound("problem.task_deleted", id=task_id)
    return json_answer(_life(task))


@blueprint.get("/api/stats")
@document_response(StatsReply)
async def stats() -> Response:
    """How many tasks there are of each status, and the names of the queues."""

    def work(connection: sqlite3.Connection) -> dict[str, Any]:
        return {
            "counts": tasks.counts(connection),
            "queues": tasks.queues(connection),
            "cursor": cursor_of(connection),
        }

    return json_answer(await state().database.read(work))


def _patch(tx: Transaction, task_id: int, patch: TaskPatch) -> Task:
    task = tasks.current(tx, task_id)
    return tasks.apply(tx, decide_patch(task, patch, tx.now, tx.clock))


def _parse_update(update: Any) -> tuple[int, TaskPatch] | Problem:
    if not isinstance(update, dict):
        return Unprocessable.field("updates", "limit.updates")
    task_id = update.get("id")
    if type(task_id) is not int:
        return Unprocessable.field("id", "limit.whole")
    fields = {name: value for name, value in update.items() if name != "id"}
    try:
        return task_id, decoding.from_builtins(TaskPatch, fields)
    except Problem as problem:
        return problem


def _result(
    language: str, task_id: Any, outcome: Task | Problem | None, now: str
) -> dict[str, Any]:
    """One item's result: the task, the problem, or (deleted) neither."""
    if isinstance(outcome, Problem):
        return {"id": task_id, "status": outcome.code, "problem": outcome.document(language)}
    if outcome is None:
        return {"id": task_id, "status": 204}
    return {"id": task_id, "status": 200, "task": task_json(outcome, now, whole=False)}


def _life(task: Task) -> dict[str, Any]:
    return {
        "cancel_requested": bool(task.cancel_requested),
        "status": task.status,
        "attempt": task.attempt,
    }
