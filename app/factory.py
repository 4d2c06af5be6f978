"""Puts one server's app together."""

from __future__ import annotations

import importlib
import importlib.util

from quart import Quart

from app import errors
from app.incoming import StreamRequest
from app.resources import STATIC, TEMPLATES
from app.state import State, attach
from app.stream.connection import Connection


def create_app(state: State) -> Quart:
    """The app over an open database; it holds nothing outside ``state``."""
    app = Quart(
        "app",
        template_folder=str(TEMPLATES),
        static_folder=str(STATIC),
        static_url_path="/static",
    )
    app.asgi_http_class = Connection
    app.request_class = StreamRequest
    app.config["MAX_CONTENT_LENGTH"] = state.settings.max_body
    attach(app, state)
    present = {
        name: importlib.import_module(f"app.routes.{name}")
        for name in ("events", "health", "logs", "notices", "tasks", "openapi", "pages")
        if importlib.util.find_spec(f"app.routes.{name}")
    }
    errors.register(app, getattr(present.get("pages"), "error_page", None))
    for name in ("app.security", "app.routes.openapi"):
        try:
            register = getattr(importlib.import_module(name), "register", None)
        except ModuleNotFoundError:
            register = None
        if register:
            register(app)
    for module in present.values():
        app.register_blueprint(module.blueprint)
    return app
