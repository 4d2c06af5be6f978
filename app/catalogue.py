"""The words of pages and problems, shared by server and browser: static/locale/LANGUAGE.json.

A message is a string with `{name}` places, or one string per plural form, chosen by `count`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from babel import Locale
from babel.numbers import format_decimal

from app.assets import own

LANGUAGES = ("en", "zh")
Message = str | dict[str, str]
Translate = Callable[..., str]

_PLACE = re.compile(r"\{(\w+)\}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z0-9]")


class Text:
    """A message and its values, said once it is known in which language; values may be texts."""

    __slots__ = ("key", "values")

    def __init__(self, key: str, **values: Any) -> None:
        self.key = key
        self.values = values

    def say(self, language: str) -> str:
        return translator(language)(self.key, **self.values)

    def __str__(self) -> str:
        return self.say(LANGUAGES[0])


@cache
def messages(language: str) -> dict[str, Message]:
    """All messages of a language."""
    loaded: dict[str, Message] = json.loads(own()[f"locale/{language}.json"])
    return loaded


@cache
def locale(language: str) -> Locale:
    return Locale.parse("zh_Hans" if language == "zh" else language)


@cache
def translator(language: str) -> Translate:
    """`t(key, **parameters)` of one language."""
    catalogue = messages(language)
    plural_form = locale(language).plural_form

    def t(key: str, **parameters: object) -> str:
        message = catalogue[key]
        count = parameters.get("count")
        if isinstance(message, dict):
            if not isinstance(count, int):
                raise TypeError(f"{key} needs an integer count")
            message = message.get(plural_form(count), message["other"])
        if isinstance(count, int):
            parameters["count"] = number(language, count)

        def fill(place: re.Match[str]) -> str:
            value = _said(language, parameters[place[1]])
            before, after = message[: place.start()][-1:], message[place.end() :][:1]
            return f"{_gap(before, value[:1])}{value}{_gap(value[-1:], after)}"

        return _PLACE.sub(fill, message)

    return t


def number(language: str, value: float) -> str:
    """`1,204` or `12.25`."""
    return format_decimal(value, format="#,##0.##", locale=locale(language))


def _gap(one: str, other: str) -> str:
    """Chinese stands a space apart from Latin letters and digits, whichever a value begins with."""
    pair = f"{one}{other}"
    return " " if _HAN.search(pair) and _LATIN.search(pair) else ""


def _said(language: str, value: object) -> str:
    return value.say(language) if isinstance(value, Text) else str(value)
