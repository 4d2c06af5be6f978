"""What a check measured, and what the server saw of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, field

from app.models import Body

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Status = Annotated[int, Meta(ge=0, le=999)]  # of HTTP; 0: no answer came
Text = Annotated[str, Meta(max_length=500)]
Series = Annotated[list[Seconds], Meta(max_length=20)]


class Measured(Body):
    """All of it is optional: what is missing was not measured (yet).

    Times of events are in seconds: `sent` since the server sent the first, as it said itself,
    `arrived` since the request. `other_*` is the same stream under another content type. `idle` and
    `poll` are how long a silent stream and a waiting request lived, `*_status` how they ended (200:
    as asked; 0: cut off without an answer).
    """

    address: Text = ""
    proxy: Text = ""  # one the client knows of
    prefix: Text = ""  # the path under which the client sees us
    http: Annotated[str, Meta(max_length=20)] | None = None
    first_byte: Seconds | None = None
    queued: Seconds | None = None  # in the browser, waiting for a free connection
    server: Text = ""  # the response headers Server and Via
    via: Text = ""
    page: Text = ""  # the beginning of an error page, which often names its maker

    events: Annotated[int, Meta(ge=1, le=20)] = 6  # asked for
    stream_status: Status | None = None
    encoding: Annotated[str, Meta(max_length=50)] = ""
    sent: Series = field(default_factory=list)
    arrived: Series = field(default_factory=list)
    other_sent: Series = field(default_factory=list)
    other_arrived: Series = field(default_factory=list)

    write_status: Status | None = None
    idle: Seconds | None = None
    idle_status: Status = 200
    poll: Seconds | None = None
    poll_status: Status = 200
    quick: bool = False  # idle and poll will not be measured


@dataclass(frozen=True)
class Seen:
    """The request as it arrived here."""

    version: str
    http: str
    scheme: str
    host: str
    client: str
    prefix: str
    headers: Mapping[str, str]  # those that boxes add, by lower-case name
