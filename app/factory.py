"""Puts one server's app together."""

from __future__ import annotations

from functools import partial

from quart import Quart

from app import assets, errors, security
from app.config import ConfigError
from app.incoming import StreamRequest
from app.resources import TEMPLATES
from app.routes import (
    all_logs,
    events,
    health,
    logs,
    network,
    notices,
    openapi,
    pages,
    storage,
    tasks,
)
from app.security.entrance import Entrance
from app.state import State, attach
from app.stream.connection import Connection


def create_app(state: State) -> Quart:
    """The app over an open database; it holds nothing outside ``state``."""
    app = Quart(
        "app",
        template_folder=str(TEMPLATES),
        static_folder=None,  # routes/pages.py serves them
    )
    app.url_map.merge_slashes = False  # or the router redirects, past a prefix it does not know
    app.asgi_http_class = partial(Connection, state.registry)  # type: ignore[assignment]
    app.request_class = StreamRequest
    app.config["MAX_CONTENT_LENGTH"] = state.settings.max_body
    attach(app, state)
    errors.register(app, pages.error_page)
    security.register(app)
    for module in (
        all_logs,
        events,
        health,
        logs,
        network,
        notices,
        storage,
        tasks,
        openapi,
        pages,
    ):
        app.register_blueprint(module.blueprint)
    _load_files(app)
    _check_prefix(app, state.settings.path_prefix)
    app.asgi_app = Entrance(app.asgi_app, state.settings)  # type: ignore[assignment, method-assign]
    return app


def _load_files(app: Quart) -> None:
    """All that pages are made of, before an update can put other files in its place."""
    assets.own()
    assets.vendor()
    for template in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(template)


def _check_prefix(app: Quart, prefix: str) -> None:
    """Requests come with and without the prefix, so none of our own paths may look like it."""
    first = prefix.split("/")[1:2]
    if first and any(rule.rule.split("/")[1:2] == first for rule in app.url_map.iter_rules()):
        raise ConfigError(f"path_prefix must not begin with /{first[0]}, a path of our own")
