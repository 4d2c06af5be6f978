"""The words of the pages, shared by server and browser: static/locale/LANGUAGE.json.

A message is a string with `{name}` places, or one string per plural form, chosen by `count`.
"""

import json
import re
from collections.abc import Callable
from functools import cache

from babel import Locale, negotiate_locale
from babel.numbers import format_decimal

from app.resources import STATIC

LANGUAGES = ("en", "zh")
Message = str | dict[str, str]
Translate = Callable[..., str]

_PLACE = re.compile(r"\{(\w+)\}")


@cache
def messages(language: str) -> dict[str, Message]:
    """All messages of a language."""
    text = (STATIC / "locale" / f"{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, Message] = json.loads(text)
    return loaded


@cache
def locale(language: str) -> Locale:
    return Locale.parse("zh_Hans" if language == "zh" else language)


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
        return _PLACE.sub(lambda place: str(parameters[place[1]]), message)

    return t


def number(language: str, value: float) -> str:
    """`1,204` or `12.25`."""
    return format_decimal(value, format="#,##0.##", locale=locale(language))


def choose_language(accept_language: str | None, chosen: str | None = None) -> str:
    """The reader's own choice, else the first of the browser's languages that we have."""
    if chosen in LANGUAGES:
        return chosen
    wanted: list[tuple[float, str]] = []
    for part in (accept_language or "")[:500].split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            rank = float(quality or 1)
        except ValueError:
            continue
        if rank > 0:
            wanted.append((-rank, tag.split("-")[0].lower()))
    wanted.sort(key=lambda entry: entry[0])
    preferred = [tag for _, tag in wanted]
    return negotiate_locale(preferred, LANGUAGES) or LANGUAGES[0]
