"""Errors that are answers: RFC 9457 problem documents.

Anything in a work function or a route that must undo just this request raises a `Problem`; it
travels unchanged to the client as `application/problem+json`, or as a page where a page was asked.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import msgspec
from quart import Quart, Response, current_app, has_request_context, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app import language
from app.catalogue import LANGUAGES, Text, messages

PROBLEM_JSON = "application/problem+json"

_API_ROOTS = ("/api/", "/events/")
_API_PATHS = frozenset({"/api", "/events", "/healthz", "/readyz", "/metrics", "/openapi.json"})

log = logging.getLogger(__name__)

ErrorPage = Callable[["Problem"], Awaitable[Response]]


class FieldError(NamedTuple):
    """One field of the request that is wrong, and its limit."""

    field: str
    message: Text


class Problem(Exception):
    """An answer with an error status.

    The message of `key` says what happened and what to do; `errors` names fields; `headers` go on
    the response.
    """

    status: ClassVar[int] = 500

    def __init__(
        self,
        key: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
        code: int | None = None,
        **values: Any,
    ) -> None:
        self.detail = Text(key, **values)
        super().__init__(self.detail)
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.code = self.status if code is None else code

    @classmethod
    def field(cls, field: str, key: str, **values: Any) -> Self:
        """The problem of one field; the message of `key` names its limit."""
        limit = Text(key, **values)
        return cls("problem.of_field", field=field, limit=limit, errors=[FieldError(field, limit)])

    @property
    def title(self) -> Text:
        """The HTTP phrase of the status, as RFC 9457 asks of type `about:blank`."""
        known = self.code if f"http.{self.code}" in messages(LANGUAGES[0]) else "other"
        return Text(f"http.{known}")

    def document(self, language: str) -> dict[str, Any]:
        """The problem as a JSON-able dict."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title.say(language),
            "status": self.code,
            "detail": self.detail.say(language),
        }
        if self.errors:
            document["errors"] = [
                {"field": field, "message": message.say(language)} for field, message in self.errors
            ]
        return document

    def response(self, language: str) -> Response:
        """The problem as an HTTP response."""
        response = Response(
            msgspec.json.encode(self.document(language)),
            status=self.code,
            content_type=PROBLEM_JSON,
        )
        response.headers.update(self.headers)
        return response


class BadRequest(Problem):
    """The request could not be read at all (400)."""

    status = 400


class Forbidden(Problem):
    """The request is understood and not allowed (403)."""

    status = 403


class NotFound(Problem):
    """There is no such thing (404)."""

    status = 404


class NotAcceptable(Problem):
    """No representation the client accepts (406)."""

    status = 406


class Refused(Problem):
    """A rule does not allow this change in the present state (409)."""

    status = 409


class TooLarge(Problem):
    """The body is over its limit, which `detail` names (413)."""

    status = 413


class UnsupportedMedia(Problem):
    """A body of a type this route does not read (415)."""

    status = 415


class Misdirected(Problem):
    """A host name this server does not answer for (421)."""

    status = 421


class Unprocessable(Problem):
    """The body was read and a field of it is wrong (422)."""

    status = 422


class TooManyRequests(Problem):
    """One client asks for more than its share (429); try again after some seconds."""

    status = 429

    def __init__(self, key: str, *, retry_after: int = 5, **values: Any) -> None:
        super().__init__(key, headers={"Retry-After": str(retry_after)}, **values)


class Busy(Problem):
    """The server has more to do than it can queue (503); try again after some seconds."""

    status = 503

    def __init__(self, key: str, *, retry_after: int = 1, **values: Any) -> None:
        super().__init__(key, headers={"Retry-After": str(retry_after)}, **values)


def is_api_path(path: str) -> bool:
    """Whether a path (without prefix) belongs to programs rather than to pages."""
    return path.startswith(_API_ROOTS) or path in _API_PATHS


def from_http_exception(error: HTTPException) -> Problem:
    """Werkzeug's own errors (404 of the router, 405, 413 ...) as a problem."""
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"]
        return TooLarge("problem.body_large", most=f"{limit / 2**20:g}", bytes=limit)
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() not in {"content-type", "content-length"}
    }
    code = error.code or 500
    known = code if f"problem.http.{code}" in messages(LANGUAGES[0]) else "other"
    return Problem(f"problem.http.{known}", code=code, headers=headers, method=_method())


def register(app: Quart, error_page: ErrorPage | None = None) -> None:
    """Make every error of `app` a problem document.

    `error_page` renders the problem where a browser asked for a page.
    """

    async def answer(problem: Problem) -> Response:
        if not has_request_context():  # an attempt at a WebSocket, which nothing here speaks
            return problem.response(LANGUAGES[0])
        accepted = request.accept_mimetypes
        prefers_page = accepted.quality("text/html") > accepted.quality("application/json")
        answer = problem.response(language.of_request())
        if error_page is not None and prefers_page and not is_api_path(request.path):
            try:
                answer = await error_page(problem)
            except Exception:
                # An error about an error would end the connection without any answer.
                log.exception("the error page of %s failed", request.path)
            answer.status_code = problem.code
            answer.headers.update(problem.headers)
        language.mark(answer.headers, language.of_request(), "Accept")
        return answer

    async def on_problem(error: Problem) -> Response:
        return await answer(error)

    async def on_http_exception(error: HTTPException) -> Response:
        # Redirects of the router are exceptions that carry their own response.
        if error.code is not None and error.code < 400:
            redirect = error.get_response()
            return Response(b"", status=redirect.status_code, headers=dict(redirect.headers))
        return await answer(from_http_exception(error))

    async def on_exception(error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return await answer(Problem("problem.crashed"))

    app.register_error_handler(Problem, on_problem)
    app.register_error_handler(HTTPException, on_http_exception)
    app.register_error_handler(Exception, on_exception)


def _method() -> str:
    return request.method if has_request_context() else "GET"
