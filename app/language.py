"""The language of an answer: of pages, and of problems whoever gets them.

A program that asks for no language gets English.
"""

from __future__ import annotations

import re

from quart import request
from werkzeug.datastructures import Headers

from app.catalogue import LANGUAGES

_TAGS = {"en": "en", "zh": "zh-CN"}
_QUALITY = re.compile(r"q=([01](?:\.\d*)?)")


def of_request() -> str:
    """What the reader chose on a page, else what the browser asks for."""
    return choose(request.headers.get("Accept-Language"), request.cookies.get("lang"))


def choose(accept_language: str | None, chosen: str | None = None) -> str:
    """The reader's own choice, else what the header likes best, else English."""
    if chosen in LANGUAGES:
        return chosen
    wishes: dict[str, tuple[float, int]] = {}
    for place, part in enumerate((accept_language or "")[:500].lower().split(",")):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        wish = (_quality(parameters), -place)
        language = tag.partition("-")[0]  # zh-TW and en-GB are served as well as we can
        wishes[language] = max(wish, wishes.get(language, wish))
    others = wishes.get("*", (0, 0))
    return max(LANGUAGES, key=lambda language: wishes.get(language, others))


def tag(language: str) -> str:
    """As in `<html lang>`."""
    return _TAGS[language]


def mark(headers: Headers, language: str, *also: str) -> None:
    """Say that an answer is in `language`, and that another reader may get another one."""
    headers["Content-Language"] = tag(language)
    headers["Vary"] = ", ".join((*also, "Accept-Language", "Cookie"))


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            given = _QUALITY.fullmatch(parameter)
            return float(given[1]) if given else 0
    return 1
