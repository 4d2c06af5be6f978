"""The pages, and the files they are made of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast, get_args, get_type_hints
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup
from quart import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    url_for,
)
from quart.typing import ResponseReturnValue

from app import assets, language
from app.ansi import plain
from app.decoding import from_pairs
from app.errors import NotFound, Problem
from app.models import AllLogsQuery, LogQuery, TaskQuery
from app.modules import modules_of
from app.rules.task import ACTIVE, STATUSES, Task, task_json
from app.state import state
from app.store import all_logs, clock, log_reading, task_list, tasks
from app.store.events import cursor_of
from app.wording import Wording, bar_colour, bar_value, exact, reason

blueprint = Blueprint("pages", __name__)

SORTS: tuple[str, ...] = get_args(get_type_hints(TaskQuery)["sort"])
FOREVER = "public, max-age=31536000, immutable"
LOG_LINES = 100  # that come with the page
_FILTERS = ("status", "queue", "label", "q", "since", "until", "sort", "limit", "page")


@blueprint.get("/")
async def index() -> Response:
    # Relative, unless the prefix is known: then the reader may have left out the slash after it.
    response = redirect(f"{request.root_path}/tasks" if request.root_path else "tasks")
    response.headers["Cache-Control"] = "no-store"
    return cast(Response, response)


class _List(NamedTuple):
    """One snapshot for the tasks page."""

    tasks: list[dict[str, Any]]
    next: str | None
    cursor: str
    counts: dict[str, int]
    queues: list[str]


@blueprint.get("/tasks", endpoint="tasks")
async def tasks_page() -> ResponseReturnValue:
    pairs = [(key, value) for key, value in request.args.items(multi=True) if value]
    query = from_pairs(TaskQuery, [pair for pair in pairs if pair[0] in _FILTERS])
    _, now = clock.now()

    def read(connection: sqlite3.Connection) -> _List:
        page = task_list.page(connection, query)
        return _List(
            [task_json(task, now, whole=False) for task in page.tasks],
            page.next,
            cursor_of(connection),
            tasks.counts(connection),
            tasks.queues(connection),
        )

    found = await state().database.read(read)
    w = words()
    given = [pair for pair in pairs if pair[0] in _FILTERS and pair[0] != "page"]
    filtered = any(key != "sort" and key != "limit" for key, _ in given)
    base = address("pages.tasks")
    counts = {"": sum(found.counts.values()), **found.counts}
    return await page(
        "tasks.html",
        w,
        page_data=_json({**found._asdict(), "now": now}),
        page_title=_title(w, found.counts),
        tasks=found.tasks,
        cursor=found.cursor,
        queues=sorted({*found.queues, *query.queue}),
        query=query,
        sorts=SORTS,
        filtered=filtered,
        empty=not counts[""] and not filtered and not query.page,
        chips=[
            {
                "status": status,
                "count": counts[status],
                "chosen": query.status == ([status] if status else []),
                "href": _href(base, _with_status(given, status)),
            }
            for status in ("", *STATUSES)
        ],
        first_href=_href(base, given),
        next_href=_href(base, [*given, ("page", found.next)]) if found.next else None,
        server=request.url_root.rstrip("/"),
        blank=_BLANK,
    )


@blueprint.get("/tasks/<int(max=9223372036854775807):task_id>", endpoint="task")
async def task_page(task_id: int) -> ResponseReturnValue:
    _, now = clock.now()

    def read(connection: sqlite3.Connection) -> tuple[Task, dict[str, Any], str]:
        task = tasks.get(connection, task_id)
        log = log_reading.read(connection, task_id, LogQuery(tail=LOG_LINES))
        return task, log, cursor_of(connection)

    found, log, cursor = await state().database.read(read)
    w = words()
    task = msgspec.json.decode(msgspec.json.encode(task_json(found, now)))
    active = task["status"] in ACTIVE
    attempt = w.number(task["attempt"])
    if task["max_retries"]:
        attempt = w.t("fact.of_retries", attempt=attempt, most=w.number(task["max_retries"] + 1))
    return await page(
        "task.html",
        w,
        page_data=_json(
            {
                "task": task,
                "log": {name: log[name] for name in ("first", "total", "lines")},
                "cursor": cursor,
                "now": now,
            }
        ),
        page_title=f"{w.t('status.' + task['status'])} · #{task_id} {task['name']}",
        task={**task, "active": active},
        attempt_words=attempt,
        labels=", ".join(f"{key}: {value}" for key, value in task["labels"].items()),
        payload=_pretty(task["payload"]),
        result=_pretty(task["result"]),
        rate=w.rate(task),
        lines=log["lines"],
        removed=log["first"] - 1,
        cursor=cursor,
    )


@blueprint.get("/logs", endpoint="logs")
async def logs_page() -> ResponseReturnValue:
    """The lines of all tasks; the page reads them itself, unless it has no scripts."""
    _, now = clock.now()

    def read(connection: sqlite3.Connection) -> tuple[str, list[str], dict[str, Any] | None]:
        newest = all_logs.Page(AllLogsQuery(limit=LOG_LINES)).step(connection)
        return cursor_of(connection), tasks.queues(connection), newest

    cursor, queues, newest = await state().database.read(read)
    newest = newest if newest and not request.args else {"lines": [], "tasks": {}}
    w = words()
    return await page(
        "logs.html",
        w,
        page_data=_json({"cursor": cursor, "now": now}),
        page_title=f"{w.t('title.logs')} · LiveQueue",
        queues=sorted({*queues, *request.args.getlist("queue")}),
        cursor=cursor,
        lines=[],
        newest=newest["lines"],
        names=newest["tasks"],
        server=request.url_root.rstrip("/"),
    )


@blueprint.get("/assets/<fingerprint>/<path:name>")
async def asset(fingerprint: str, name: str) -> ResponseReturnValue:
    """Our own files under a name that changes with them: kept for ever, never stale."""
    return await _file(assets.own(), fingerprint, name)


@blueprint.get("/vendor/<fingerprint>/<path:name>")
async def vendor_file(fingerprint: str, name: str) -> ResponseReturnValue:
    return await _file(assets.vendor(), fingerprint, name)


async def error_page(problem: Problem) -> Response:
    """A problem for the reader of a page."""
    w = words()
    code = problem.code
    kind = "500" if code >= 500 else str(code) if code in (404, 421) else "400"
    if kind == "400":
        text = problem.detail.say(w.language)
    else:
        text = w.t(f"error.{kind}.text", host=request.host[:100])
    return await page(
        "error.html",
        w,
        status=code,
        heading=w.t(f"error.{kind}.title"),
        text=text,
        errors=[
            w.t("problem.of_field", field=w.field(field), limit=limit)
            for field, limit in problem.errors
        ],
    )


def words() -> Wording:
    """The reader's language, now."""
    return Wording(language.of_request(), datetime.now(UTC))


@blueprint.app_context_processor
def page_context() -> dict[str, Any]:
    """What every template can use."""
    w = words()
    own, vendor = assets.own().fingerprint, assets.vendor().fingerprint
    return {
        "w": w,
        "t": w.t,
        "lang": w.language,
        "html_lang": language.tag(w.language),
        "root": root(),
        "url_for": address,
        "asset": lambda name: address("pages.asset", fingerprint=own, name=name),
        "vendor": lambda name: address("pages.vendor_file", fingerprint=vendor, name=name),
        "bar_colour": bar_colour,
        "bar_value": bar_value,
        "exact": exact,
        "modules_of": modules_of,
        "plain": plain,
        "reason": reason,
    }


async def page(template: str, w: Wording, **context: Any) -> Response:
    """A template for this reader, in the reader's language: not to be kept by anybody."""
    response = Response(await render_template(template, w=w, t=w.t, **context))
    response.headers["Cache-Control"] = "no-store"
    language.mark(response.headers, w.language)
    return response


async def _file(files: assets.Files, fingerprint: str, name: str) -> Response:
    if name not in files:
        raise NotFound("problem.no_file", name=name[:100])
    kind = assets.TYPES[name.rpartition(".")[2]]
    response = Response(files[name], content_type=kind)
    response.set_etag(files.fingerprint)
    fresh = fingerprint == files.fingerprint
    response.headers["Cache-Control"] = FOREVER if fresh else "no-cache"
    return await response.make_conditional(request)


def root() -> str:
    """The server's root as seen from the page asked for: `./`, `../` ...

    So every address in a page stays under whatever prefix a proxy has taken off.
    """
    depth = request.scope["raw_path"].count(b"/") - 1
    return "../" * depth or "./"


def address(endpoint: str, **values: Any) -> str:
    """`url_for`, relative to the page asked for."""
    return root() + url_for(endpoint, **values).removeprefix(f"{request.root_path}/")


def _title(w: Wording, counts: Mapping[str, int]) -> str:
    """`3 running · 1 failed`"""
    parts = [
        w.t(f"title.{status}", count=counts[status])
        for status in ("running", "failed")
        if counts[status]
    ]
    return " · ".join(parts) or f"{w.t('title.tasks')} · LiveQueue"


def _with_status(pairs: Iterable[tuple[str, str]], status: str) -> list[tuple[str, str]]:
    chosen = [("status", status)] if status else []
    return chosen + [pair for pair in pairs if pair[0] != "status"]


def _href(base: str, pairs: Iterable[tuple[str, str]]) -> str:
    text = urlencode(list(pairs))
    return f"{base}?{text}" if text else base


def _json(value: object) -> Markup:
    """JSON that may stand inside a <script> element."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 (escaped above)


def _pretty(value: object) -> str:
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


# The row the browser fills for a task it learns of.
_UNKNOWN = ("progress", "current", "total", "unit", "message", "error", "rate", "eta_seconds")
_BLANK: dict[str, Any] = dict.fromkeys((*_UNKNOWN, "duration_seconds", "updated_at")) | {
    "id": 0,
    "name": "",
    "queue": "",
    "status": "pending",
    "claimable": False,
    "retry_count": 0,
}
