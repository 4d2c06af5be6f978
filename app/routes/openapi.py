"""The API described by itself: `/openapi.json` from the code, `/docs` to read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from quart import Blueprint, Quart, Response, current_app
from quart.typing import ResponseReturnValue
from quart_schema import Info, QuartSchema, hide
from quart_schema.openapi import OpenAPIProvider
from quart_schema.validation import DataSource
from werkzeug.routing import Rule

from app import __version__
from app.decoding import KEY_LIMIT
from app.errors import PROBLEM_JSON, is_api_path
from app.routes.answers import json_answer
from app.routes.pages import page, words
from app.routes.replies import ProblemReply

blueprint = Blueprint("openapi", __name__)

_KEY = "livequeue_openapi"
_FORM = "application/x-www-form-urlencoded"
# Bodies that are more than flat fields; the others can be sent as a form too.
_NO_FORM = frozenset({"BulkPatch", "BatchAction", "LogAppend"})
_DESCRIPTION = (
    "Every error is a problem document (RFC 9457). Every POST takes an `Idempotency-Key`, so that "
    "a retry after a lost answer changes nothing. Times are UTC."
)
# The sections, in reading order: nearly each blueprint with routes for programs is one.
_SECTIONS = {
    "tasks": "What runs, waits or has ended.",
    "logs": "What tasks print, one by one and all together.",
    "events": "What happens, as it happens.",
    "notices": "Events of your own.",
    "storage": "What is kept, and what goes next.",
    "network": "What the network check measures with.",
    "health": "For whoever watches over the server.",
}
_IN_SECTION = {"all_logs": "logs"}  # blueprints without a section of their own


@blueprint.get("/openapi.json")
@hide
async def document() -> Response:
    """The OpenAPI document, made once."""
    if _KEY not in current_app.extensions:
        current_app.extensions[_KEY] = _build(current_app._get_current_object())  # type: ignore[attr-defined]
    return json_answer(current_app.extensions[_KEY])


@blueprint.get("/docs")
@hide
async def docs() -> ResponseReturnValue:
    """The page that shows it; it loads nothing from outside."""
    return await page("docs.html", words())


def _build(app: Quart) -> dict[str, Any]:
    # Not init_app: that adds routes which load from a CDN, and wraps every response.
    extension = QuartSchema(conversion_preference="msgspec")
    extension.info = Info(title="LiveQueue", version=__version__, description=_DESCRIPTION)
    # Through JSON, so that every request can be answered with the same plain values.
    document = msgspec.json.decode(msgspec.json.encode(_Provider(app, extension).schema()))
    problem, components = _schema(ProblemReply)
    document["components"]["schemas"].update(components)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation, problem)
    document["paths"] = dict(sorted(document["paths"].items()))
    document["tags"] = [{"name": name, "description": text} for name, text in _SECTIONS.items()]
    document["servers"] = [{"url": "."}]  # relative to the document, so under any prefix
    return document  # type: ignore[no-any-return]


def _complete(path: str, method: str, operation: dict[str, Any], problem: dict[str, Any]) -> None:
    """What the decorators cannot say."""
    operation["description"] = operation.get("description", "").strip()
    if "204" in operation["responses"]:
        operation["responses"]["204"] = {"description": "Done; there is nothing to say."}
    operation["responses"]["default"] = {
        "description": "What went wrong, and what to do.",
        "content": {PROBLEM_JSON: {"schema": problem}},
    }
    if method == "post":
        kind = {"type": "string", "pattern": f"^[ -~]{{1,{KEY_LIMIT}}}$"}
        key = {"name": "Idempotency-Key", "in": "header", "schema": kind}
        operation["parameters"] = [*operation["parameters"], key]
    if content := operation.get("requestBody", {}).get("content"):
        (body,) = content.values()
        if body["schema"]["$ref"].rpartition("/")[2] not in _NO_FORM:
            content[_FORM] = body
        if path.endswith("/logs"):
            content["text/plain"] = content["application/x-ndjson"] = {"schema": {"type": "string"}}
    if path.endswith("/logs") and method == "get":
        text = {"schema": {"type": "string"}}
        operation["responses"]["200"]["content"] |= {
            "text/plain": text,
            "application/x-ndjson": text,
        }
    if path.startswith("/events/"):
        cursor = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
        operation["parameters"] = [*operation["parameters"], cursor]
        operation["responses"]["200"]["content"]["text/event-stream"] = {
            "schema": {"type": "string"}
        }
    if path == "/api/tasks" and method == "post":
        operation["responses"]["201"]["content"]["text/plain"] = {"schema": {"type": "string"}}


def _schema(model: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components(
        [model], ref_template="#/components/schemas/{name}"
    )
    return schema, components


class _Provider(OpenAPIProvider):
    """The routes for programs only, with all schemas (nested ones too) as named components."""

    def generate_rules(self) -> Iterable[Rule]:
        rules = super().generate_rules()
        return [rule for rule in rules if is_api_path(rule.rule)]

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        paths, components = super().build_paths(rule)
        for operations in paths.values():
            for operation in operations.values():
                own = rule.endpoint.partition(".")[0]
                operation["tags"] = [_IN_SECTION.get(own, own)]
        return paths, components

    def build_querystring_parameters(
        self, model: type[Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        _, components = _schema(model)
        properties = components.pop(model.__name__)["properties"]
        parameters = [
            {"name": name, "in": "query", "schema": schema} for name, schema in properties.items()
        ]
        return parameters, components

    def build_request_body(
        self, model: type[Any], source: DataSource
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        schema, components = _schema(model)
        return {"content": {"application/json": {"schema": schema}}}, components

    def build_response_object(
        self, model: type[Any], headers_model: type[Any] | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        schema, components = _schema(model)
        description = (model.__doc__ or "").partition("\n")[0]
        content = {"application/json": {"schema": schema}}
        return {"description": description, "content": content}, components
