"""Puts one server's app together."""

from __future__ import annotations

from quart import Quart

from app import errors, security
from app.incoming import StreamRequest
from app.resources import STATIC, TEMPLATES
from app.routes import events, health, logs, notices, openapi, pages, tasks
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
    app.request_class = StreamRequest
    app.config["MAX_CONTENT_LENGTH"] = state.settings.max_body
    attach(app, state)
    errors.register(app, pages.error_page)
    security.register(app)
    for module in (events, health, logs, notices, tasks, openapi, pages):
        app.register_blueprint(module.blueprint)
    return app
