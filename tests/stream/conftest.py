"""The same server for all tests of a module."""

from tests.routes.conftest import http, server

__all__ = ["http", "server"]
