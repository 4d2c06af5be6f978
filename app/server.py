"""Runs one server on Hypercorn, from an open database to a clean end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import hypercorn
from hypercorn.asyncio.run import worker_serve
from hypercorn.config import Sockets
from hypercorn.utils import wrap_app

from app import __version__
from app.access_log import AccessLogger
from app.addresses import is_loopback
from app.config import ConfigError, Settings
from app.factory import create_app
from app.protocols import Protocols
from app.state import State
from app.store.database import Database
from app.store.overdue import Overdue
from app.store.retention import Retention
from app.store.wal import WriteAheadLog
from app.stream.hub import Hub
from app.stream.limits import StreamLimits
from app.stream.registry import Registry
from app.tls import Certificate

log = logging.getLogger("livequeue")

STREAMS_GRACE = 0.6  # seconds for streams and polls to end by themselves
REQUESTS_GRACE = 0.5  # seconds for requests under way
HANDSHAKE_TIMEOUT = 10.0  # seconds
BACKLOG = 1024


def check_bind(settings: Settings) -> None:
    """Raises ConfigError unless the address is loopback or ``open`` permits it."""
    if not is_loopback(settings.host) and not settings.open:
        raise ConfigError(
            f"{settings.host} can be reached from other machines, and there is no login yet: "
            "anyone there could see and change your tasks. Use 127.0.0.1, or add --open if that "
            "is what you want."
        )


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises ConfigError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Accepted sockets inherit it: the kernel closes a connection whose client has taken no
        # bytes for that long, whatever the layers above still hold for it (tcp(7)).
        timeout = int(settings.send_timeout * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {settings.bind}: {error.strerror}; is another program using it? "
            "Choose another address with --bind"
        ) from None
    listener.setblocking(False)
    listener.listen(BACKLOG)
    return listener


def _address(settings: Settings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.certfile else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class _Config(hypercorn.Config):
    """With a context of ours, into which a renewed certificate can be loaded."""

    certificate: Certificate | None = None

    @property
    def ssl_enabled(self) -> bool:
        return self.certificate is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return self.certificate.context if self.certificate else None


def _hypercorn_config(settings: Settings, certificate: Certificate | None) -> hypercorn.Config:
    config = _Config()
    config.certificate = certificate
    config.ssl_handshake_timeout = HANDSHAKE_TIMEOUT
    config.logger_class = AccessLogger
    config.accesslog = logging.getLogger("livequeue.access") if settings.access_log else None
    config.errorlog = logging.getLogger("hypercorn.error")  # ours, or it says all twice
    config.errorlog.setLevel(logging.WARNING)
    config.graceful_timeout = REQUESTS_GRACE
    config.keep_alive_timeout = 75  # longer than the proxies that reuse connections
    config.keep_alive_max_requests = 1_000_000
    config.include_server_header = False
    return config


def run(settings: Settings) -> int:
    """``serve`` in an event loop of its own."""
    with asyncio.Runner() as runner:
        status = runner.run(serve(settings))
        # All is stored and closed by now. What is left are connections whose clients take nothing,
        # for which Hypercorn waits whether it is cancelled or not.
        if asyncio.all_tasks(runner.get_loop()):
            sys.stderr.flush()
            os._exit(status)
    return status


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises ConfigError, file.FileInUse, migrations.SchemaTooNew, sqlite3.DatabaseError.
    """
    check_bind(settings)
    certificate = None
    if settings.certfile:
        certificate = Certificate(settings.certfile, settings.keyfile)
    async with await Database.open(Path(settings.db)) as database:
        with listen(settings) as listener:
            return await _serve(settings, database, listener, certificate)


async def _serve(
    settings: Settings,
    database: Database,
    listener: socket.socket,
    certificate: Certificate | None = None,
) -> int:
    stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finish(status: int) -> None:
        if not stop.done():
            stop.set_result(status)

    def fatal(error: BaseException) -> None:
        log.critical("%s; stopping, so that nothing is written to the wrong file", error)
        finish(1)

    database.on_fatal = fatal
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_loop_error)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, finish, 0)
    if certificate is not None:
        loop.add_signal_handler(signal.SIGHUP, certificate.reload)

    hub = Hub(
        database.head,
        settings.wave_pause / 1000,
        settings.window_events,
        settings.window_bytes,
    )
    database.announce = hub.announce
    registry = Registry(
        StreamLimits(
            settings.max_streams, settings.max_streams_per_client, settings.trusted_networks
        )
    )
    app = create_app(State(settings, database, hub, registry))

    async def shutdown() -> None:
        await asyncio.shield(stop)
        # Before Hypercorn stops: it would cut streams in the middle and leave polls unanswered.
        await registry.close(STREAMS_GRACE)

    protocols = Protocols(settings.send_timeout)
    protocols.install()
    background = [
        asyncio.create_task(work.run(), name=type(work).__name__)
        for work in (
            registry,
            protocols,
            Overdue(database),
            Retention(database, settings),
            WriteAheadLog(database),
        )
    ]
    for task in background:
        task.add_done_callback(_report)
    _announce_address(settings, listener)
    _tune_collector()
    config = _hypercorn_config(settings, certificate)
    secure, insecure = ([listener], []) if certificate else ([], [listener])
    serving = asyncio.create_task(
        worker_serve(
            wrap_app(app, config.wsgi_max_body_size, None),
            config,
            sockets=Sockets(secure, insecure, []),
            shutdown_trigger=shutdown,
        )
    )
    stopping = asyncio.ensure_future(stop)
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    # A client that takes no bytes holds up Hypercorn's own end (for ever on Python 3.12).
    await asyncio.wait((serving,), timeout=STREAMS_GRACE + REQUESTS_GRACE + 0.3)
    for task in (*background, serving):
        task.cancel()
    await asyncio.wait((*background, serving), timeout=0.2)
    if stop.done():
        # What is still connected goes with the process; how it takes that is of no interest.
        loop.set_exception_handler(lambda loop, context: None)
        return stop.result()
    await serving  # it ended before it was asked to: raises why
    return 1


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("%s stopped working", task.get_name(), exc_info=error)


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection the kernel gave up on (send time-out) is no error of ours.

    Nor is one that ends with the server: Python 3.11 takes its cancelled task for a failed one.
    """
    error = context.get("exception")
    if isinstance(error, OSError) and "transport" in context:
        log.debug("a connection was lost: %s", error)
    elif isinstance(error, asyncio.CancelledError):
        log.debug("a connection ended with the server")
    else:
        loop.default_exception_handler(context)


def _announce_address(settings: Settings, listener: socket.socket) -> None:
    if settings.open:
        log.warning("open to every machine that can reach %s, without a login", settings.bind)
    print(
        f"LiveQueue {__version__} on {_address(settings, listener)}/ (database {settings.db})",
        file=sys.stderr,
        flush=True,
    )


def _tune_collector() -> None:
    """What is loaded now stays: full collections over it cost p99 and find nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
