"""What one running server holds; routes reach it through ``state()``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from quart import Quart, current_app

from app.config import Settings
from app.store.database import Database
from app.stream.hub import Hub
from app.stream.registry import Registry

_KEY = "livequeue"


@dataclass
class State:
    settings: Settings
    database: Database
    hub: Hub
    registry: Registry


def attach(app: Quart, state: State) -> None:
    app.extensions[_KEY] = state


def state() -> State:
    return cast(State, current_app.extensions[_KEY])
