"""Request bodies and queries to the Structs of `app.models`, with errors people can act on.

One decoder for all routes: JSON by msgspec (strict: no NaN, no strings for numbers), forms and
queries by `convert` (text, so strings become numbers). Any other content type is refused, above
all text/plain, which a foreign web page can post without asking the browser first.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, reduce
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from quart import request
from werkzeug.exceptions import RequestTimeout

from app.catalogue import Text
from app.errors import BadRequest, Problem, Unprocessable, UnsupportedMedia
from app.store.idempotency import IdempotencyKey

S = TypeVar("S", bound=msgspec.Struct)

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})  # the last two are part of the first
KEY_LIMIT = 200  # characters of an Idempotency-Key
FORM_FIELDS = 1000

# An escape sequence of a JSON string: a surrogate pair, half of one, or any other.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


async def body(model: type[S]) -> S:
    """The request's body as `model`; an empty one counts as `{}`.

    Raises BadRequest (not JSON), Unprocessable (a wrong field), UnsupportedMedia, TooLarge.
    """
    data = await raw_body()
    kind = request.mimetype
    if kind == FORM_TYPE:
        return from_pairs(model, _form_pairs(data))
    if kind == JSON_TYPE or kind.endswith("+json"):
        return from_json(model, data or b"{}")
    if not data and not kind:
        return from_json(model, b"{}")
    raise UnsupportedMedia("problem.body_type", type=kind or Text("problem.no_type"))


async def raw_body() -> bytes:
    """The whole body. Raises TooLarge, RequestTimeout when it does not arrive in time, or as
    `check_encoding`.
    """
    check_encoding()
    try:
        return await asyncio.wait_for(_collected(), request.body_timeout)
    except TimeoutError:
        raise RequestTimeout from None


def check_encoding() -> None:
    """Raises UnsupportedMedia for what would be stored as garbage: compressed, or not UTF-8."""
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMedia("problem.encoded")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in _CHARSETS:
        raise UnsupportedMedia("problem.charset", charset=charset[:40])


async def _collected() -> bytes:
    return await request.body  # type: ignore[no-any-return]  # a Body is awaited through __await__


def query(model: type[S]) -> S:
    """The query string as `model`. Raises Unprocessable, also for unknown parameters."""
    return from_pairs(model, request.args.items(multi=True))


async def idempotency_key() -> IdempotencyKey | None:
    """The request's key, bound to its method, path and body; None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LIMIT or not key.isascii() or not key.isprintable():
        raise BadRequest("problem.bad_key", most=KEY_LIMIT)
    parts = (request.method.encode(), request.full_path.encode(), await raw_body())
    return IdempotencyKey(key, hashlib.sha256(b"\n".join(parts)).hexdigest())


def from_json(model: type[S], data: bytes) -> S:
    """JSON bytes as `model`. Raises BadRequest or Unprocessable."""
    try:
        return _decoder(model).decode(data)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from None
    except RecursionError:
        raise BadRequest("problem.json_deep") from None
    except (msgspec.DecodeError, ValueError) as error:
        repaired = repair_surrogates(data)
        if repaired != data:
            raise Unprocessable("problem.unstorable") from None
        raise BadRequest("problem.json_bad", reason=_reason(error)) from None


def from_json_lenient(model: type[S], data: bytes) -> S:
    """As `from_json`, but broken characters become U+FFFD: output is not always text."""
    return from_json(model, repair_surrogates(data.decode("utf-8", "replace").encode()))


def from_builtins(model: type[S], value: Any) -> S:
    """Decoded JSON as `model`. Raises Unprocessable."""
    try:
        return msgspec.convert(value, model)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from None


def from_pairs(model: type[S], pairs: Iterable[tuple[str, str]]) -> S:
    """A form's or query's fields as `model`. Raises Unprocessable; only lists may repeat."""
    lists = _list_fields(model)
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise Unprocessable.field(name[:100], "limit.twice")
        else:
            values[name] = value
    try:
        return msgspec.convert(values, model, strict=False)
    except msgspec.ValidationError as error:
        # A field that may be given more than once has a name, but no places.
        raise _wrong(_PLACE.sub("`", str(error))) from None


def repair_surrogates(data: bytes) -> bytes:
    """JSON with halves of surrogate pairs, which no UTF-8 text can hold, replaced by U+FFFD."""
    if b"\\ud" not in data and b"\\uD" not in data:
        return data
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found.group(1) else found.group(), data)


def _form_pairs(data: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            data.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS
        )
    except ValueError:
        raise BadRequest("problem.form_bad", count=FORM_FIELDS) from None


@lru_cache(maxsize=64)
def _decoder(model: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(model)


@lru_cache(maxsize=64)
def _list_fields(model: type[msgspec.Struct]) -> frozenset[str]:
    hints = get_type_hints(model)
    encoded: Mapping[str, str] = dict(
        zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True)
    )
    return frozenset(
        encoded[field]
        for field, hint in hints.items()
        if field in encoded and any(get_origin(part) is list for part in (hint, *get_args(hint)))
    )


# Messages of msgspec: "Expected `float` <= 100.0 - at `$.progress`".
_PATH = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`\Z")
_PLACE = re.compile(r"\[\d+\]`\Z")
_BOUND = re.compile(r"Expected `(?:int|float)` (<=|>=|<|>) (\S+)\Z")
_LENGTH = re.compile(r"Expected `(\w+)` of length (<=|>=|==) (\d+)\Z")
_MISSING = re.compile(r"Object missing required field `(.*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_PATTERN = re.compile(r"Expected `str` matching regex '\^(.*)\$'\Z")
_TYPE = re.compile(r"Expected `([^`]+)`(?:, got `(\w+)`)?\Z")
_ENUM = re.compile(r"Invalid enum value (.*)\Z", re.DOTALL)
_BOUNDS = {"<=": "most", ">=": "least", "<": "below", ">": "above", "==": "exactly"}
_KINDS = {
    "float": "number",
    "int": "whole",
    "str": "text",
    "bool": "bool",
    "object": "object",
    "array": "array",
    "null": "null",
    "datetime": "time",
}
_TIMES = {
    "Invalid RFC3339 encoded datetime": "time",
    "Expected `datetime` with a timezone component": "zoned",
}


def _wrong(text: str) -> Problem:
    """msgspec's message as a problem that names the field and its limit."""
    found = _PATH.search(text)
    field = found.group(1) if found else ""
    if found:
        text = text[: found.start()]
    if text == "Number out of range":
        return BadRequest.field(field or "body", "limit.infinite")
    for pattern, key in ((_MISSING, "limit.required"), (_UNKNOWN, "limit.unknown")):
        if name := pattern.match(text):
            return Unprocessable.field(f"{field}.{name.group(1)}".lstrip(".")[:200], key)
    limit = _limit(text)
    return Unprocessable.field(field or "body", limit.key, **limit.values)


def _limit(text: str) -> Text:
    """What the field must be."""
    if found := _BOUND.match(text):
        return Text(f"limit.{_BOUNDS[found.group(1)]}", value=_number(float(found.group(2))))
    if found := _LENGTH.match(text):
        of = "characters" if found.group(1) == "str" else "items"
        return Text(f"limit.{of}.{_BOUNDS[found.group(2)]}", value=found.group(3))
    if found := _PATTERN.match(text):
        return Text("limit.pattern", pattern=found.group(1))
    if found := _ENUM.match(text):
        return Text("limit.choice", value=found.group(1)[:100])
    if text in _TIMES:
        return Text("limit.kind", kind=Text(f"kind.{_TIMES[text]}"))
    if found := _TYPE.match(text):
        wanted = (_kind(name) for name in found.group(1).split(" | "))
        kind = reduce(lambda one, other: Text("kind.or", one=one, other=other), wanted)
        if found.group(2):
            return Text("limit.kind_not", kind=kind, given=_kind(found.group(2)))
        return Text("limit.kind", kind=kind)
    return Text("limit.other", text=text[:200])


def _kind(name: str) -> Text:
    return Text(f"kind.{_KINDS[name]}") if name in _KINDS else Text("limit.other", text=name)


def _number(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() else f"{value:.15g}"


def _reason(error: Exception) -> Text:
    if isinstance(error, UnicodeError):
        return Text("problem.not_utf8")
    return Text("limit.other", text=str(error).removeprefix("JSON is malformed: "))
