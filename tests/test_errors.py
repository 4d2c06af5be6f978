"""Every error becomes a problem document, or a page where a page was asked for."""

from __future__ import annotations

import asyncio
import logging

import pytest
from quart import Quart, Response

from app import errors
from app.errors import Busy, Problem, Unprocessable

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def _page(problem: Problem) -> Response:
    return Response(f"<p>{problem.code}</p>", content_type="text/html")


async def _broken_page(problem: Problem) -> Response:
    raise RuntimeError("a broken template")


def _app(page: errors.ErrorPage | None) -> Quart:
    app = Quart("app")
    errors.register(app, page)

    async def crash() -> str:
        raise RuntimeError("secret detail")

    async def busy() -> str:
        raise Busy("problem.stopping", retry_after=7)

    app.add_url_rule("/api/crash", view_func=crash)
    app.add_url_rule("/crash", endpoint="page_crash", view_func=crash)
    app.add_url_rule("/busy", view_func=busy)
    return app


def _get(app: Quart, path: str, headers: dict[str, str] | None = None) -> tuple[Response, str]:
    async def get() -> tuple[Response, str]:
        answer = await app.test_client().get(path, headers=headers or {"Accept": "*/*"})
        return answer, await answer.get_data(as_text=True)

    return asyncio.run(get())


def test_the_unexpected_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer, text = _get(_app(_page), "/api/crash", BROWSER)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == errors.PROBLEM_JSON
    assert "secret detail" not in text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("path", "headers", "status", "page"),
    [
        ("/nothing", BROWSER, 404, True),
        ("/nothing", {"Accept": "*/*"}, 404, False),  # curl
        ("/nothing", {"Accept": "application/json"}, 404, False),
        ("/api/nothing", BROWSER, 404, False),
        ("/crash", BROWSER, 500, True),
        ("/busy", BROWSER, 503, True),
        ("/busy", {}, 503, False),
    ],
)
def test_page_or_problem(path: str, headers: dict[str, str], status: int, page: bool) -> None:
    answer, text = _get(_app(_page), path, headers)
    assert answer.status_code == status
    assert text.startswith("<p>") == page
    if path == "/busy":
        assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize("page", [None, _broken_page])
def test_without_a_page_the_problem_is_the_answer(page: errors.ErrorPage | None) -> None:
    answer, _ = _get(_app(page), "/nothing", BROWSER)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, errors.PROBLEM_JSON)


def test_document() -> None:
    problem = Unprocessable.field("progress", "limit.most", value=100)
    assert problem.document("en") == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "progress: must be at most 100",
        "errors": [{"field": "progress", "message": "must be at most 100"}],
    }
    assert str(problem) == "progress: must be at most 100"
    assert problem.document("zh")["errors"] == [{"field": "progress", "message": "不能大于 100"}]
    assert Problem("problem.crashed", code=499).document("en")["title"] == "Error"
