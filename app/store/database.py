"""One SQLite file, owned by one process: a writer with group commit, and separate readers.

Many requests are committed in one hop to the database thread and one transaction, each inside a
savepoint of its own; none is answered, and none of its events announced, before that commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import aiosqlite

from app.errors import Busy, Problem
from app.event import Event
from app.store import clock
from app.store.events import Epochs, head_of
from app.store.file import FileReplaced, OwnedFile
from app.store.idempotency import IdempotencyKey, recall, remember
from app.store.migrations import migrate
from app.store.sql import Queries
from app.store.transaction import Known, Transaction

T = TypeVar("T")
Announce = Callable[[Sequence[Event]], None]

log = logging.getLogger("livequeue.store")
_sql = Queries("events")

READERS = 3
SEARCHES = 2  # of them that may be searching
BATCH = 512  # requests in one transaction
QUEUE = 4096  # requests waiting for it; further ones wait up to PATIENCE
PATIENCE = 10.0  # seconds
FOLD_PATIENCE = 1.0  # seconds that new reads wait, at most, for older ones
PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 5000;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -16000;
PRAGMA journal_size_limit = 67108864;
"""


class _Request:
    __slots__ = ("future", "key", "single", "work")

    def __init__(
        self,
        work: Callable[[Transaction], Any],
        key: IdempotencyKey | None,
        single: bool,
        future: asyncio.Future[Any],
    ) -> None:
        self.work = work
        self.key = key
        self.single = single and key is None
        self.future = future


async def _on_thread(
    connection: aiosqlite.Connection, work: Callable[..., T], *arguments: Any
) -> T:
    """Run ``work(raw connection, *arguments)`` on the connection's own thread.

    aiosqlite has no public call for it; the version is pinned and tests/store proves this one.
    """
    return cast(
        T,
        await connection._execute(work, connection._conn, *arguments),  # type: ignore[no-untyped-call]
    )


class Database:
    """Use ``async with await Database.open(path) as database``."""

    def __init__(self, file: OwnedFile) -> None:
        self.file = file
        self.announce: Announce = lambda events: None
        self.on_fatal: Callable[[BaseException], None] = lambda error: None
        self.epochs: Epochs
        self.floor = 0  # events up to here may be gone
        self._writer: aiosqlite.Connection
        self._connections: list[aiosqlite.Connection] = []
        self._readers: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()  # free ones
        self._searching = asyncio.Semaphore(SEARCHES)
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._pending: deque[_Request] = deque()
        self._wanted: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None]
        self._next = 1
        self._known = Known()

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Lock, migrate and start an epoch.

        Raises file.FileInUse, migrations.SchemaTooNew, or sqlite3.DatabaseError (not a database).
        """
        database = cls(OwnedFile(path))
        try:
            await database._start()
        except BaseException:
            await database._close_connections()
            database.file.release()
            raise
        return database

    async def _start(self) -> None:
        self._writer = await self._connect()
        await _on_thread(self._writer, self._prepare)
        for _ in range(READERS):
            reader = await self._connect()
            self._connections.append(reader)
            self._readers.put_nowait(reader)
            await reader.executescript(PRAGMAS + "PRAGMA query_only = ON;")
        self._task = asyncio.create_task(self._run(), name="database writer")

    async def _connect(self) -> aiosqlite.Connection:
        return await aiosqlite.connect(self.file.path, isolation_level=None, cached_statements=512)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if not connection.execute("PRAGMA page_count").fetchone()[0]:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.executescript(PRAGMAS)
        migrate(connection)
        started = clock.now()[1]
        connection.execute("BEGIN IMMEDIATE")
        self._next = head_of(connection) + 1
        epoch = secrets.token_hex(6)  # 48 bits
        connection.execute(_sql.insert_epoch, (epoch, self._next, started))
        connection.execute("COMMIT")
        self.epochs = Epochs(connection.execute(_sql.list_epochs).fetchall())
        self.floor = connection.execute(_sql.floor).fetchone()[0]
        self.file.recognise()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Commit what was accepted, fold the WAL into the file and let go of it."""
        self._closing = True
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
        await self._task
        # The readers first: the last connection to close checkpoints and removes the WAL.
        await self._close_connections()
        self.file.release()

    async def _close_connections(self) -> None:
        while self._connections:
            reader = self._connections.pop()
            await reader.interrupt()  # a read under way is of no use any more
            await reader.close()
        if hasattr(self, "_writer"):
            await self._writer.close()

    @property
    def head(self) -> int:
        """Seq of the newest committed event that this process has heard of."""
        return self._next - 1

    # Reading

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on a reader, in one snapshot; it must fetch all that it answers."""
        await self._may_read.wait()
        reader = await self._readers.get()
        try:
            if self._closing:
                raise Busy("problem.stopping")
            return await _on_thread(reader, _snapshot, work)
        except sqlite3.OperationalError as error:
            raise _unavailable(error) from error
        finally:
            # A cancelled read still runs to its end on that thread; the next one queues there.
            self._readers.put_nowait(reader)

    async def search(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `read`, for what may take a while: some readers are always left for the rest."""
        async with self._searching:
            return await self.read(work)

    async def fold(self) -> bool:
        """Fold the write-ahead log into the file and cut it to nothing; False: it is being read.

        New reads wait for the end of those under way: SQLite only starts this log anew when nobody
        reads it, so where reads overlap all the time it would grow for ever.
        """
        held: list[aiosqlite.Connection] = []
        self._may_read.clear()
        try:
            async with asyncio.timeout(FOLD_PATIENCE):
                while len(held) < READERS:
                    held.append(await self._readers.get())
                    await _on_thread(held[-1], lambda connection: None)  # after a cancelled read
            return await _on_thread(self._writer, _fold)
        except TimeoutError:
            return False
        finally:
            for reader in held:
                self._readers.put_nowait(reader)
            self._may_read.set()

    # Writing

    async def write(
        self,
        work: Callable[[Transaction], T],
        *,
        key: IdempotencyKey | None = None,
        single: bool = False,
    ) -> T:
        """Run ``work`` in the next transaction; returns once that is committed and announced.

        With a key, a request seen before is answered from memory and changes nothing.
        ``single``: ``work`` changes at most one row, as the last thing that may fail; that saves
        its savepoint.
        Raises what ``work`` refuses with (a Problem), and Busy when the store cannot keep up.
        """
        if len(self._pending) >= QUEUE:
            self._room.clear()
            try:
                await asyncio.wait_for(self._room.wait(), PATIENCE)
            except TimeoutError:
                raise Busy("problem.overloaded") from None
        if self._closing:
            raise Busy("problem.stopping")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append(_Request(work, key, single, future))
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
        return await future

    async def _run(self) -> None:
        pending = self._pending
        loop = asyncio.get_running_loop()
        while True:
            if not pending:
                if self._closing:
                    return
                self._wanted = loop.create_future()
                await self._wanted
                continue
            batch = [pending.popleft() for _ in range(min(len(pending), BATCH))]
            self._room.set()
            # A request whose client is gone before its turn is not carried out.
            batch = [request for request in batch if not request.future.done()]
            try:
                outcomes, events = await _on_thread(self._writer, self._commit, batch)
            except Exception as error:
                self._fail(batch, error)
                continue
            if events:
                self._next = events[-1].seq + 1
                self.announce(events)
            for request, outcome in zip(batch, outcomes, strict=True):
                if request.future.done():
                    continue
                if isinstance(outcome, Exception):
                    request.future.set_exception(outcome)
                else:
                    request.future.set_result(outcome)

    def _fail(self, batch: list[_Request], error: Exception) -> None:
        """Nothing of the batch was kept: say so to everyone in it."""
        log.error("a batch of %d requests was rolled back: %r", len(batch), error)
        answer: Exception = error
        if isinstance(error, FileReplaced):
            answer = Busy("problem.file_gone")
        elif isinstance(error, sqlite3.Error):
            answer = _unavailable(error)
        for request in batch:
            if not request.future.done():
                request.future.set_exception(answer)
        if isinstance(error, FileReplaced):
            self.on_fatal(error)

    def _commit(
        self, connection: sqlite3.Connection, batch: list[_Request]
    ) -> tuple[list[Any], list[Event]]:
        execute = connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(connection, self.epochs.current, self._next, self._known)
            outcomes = [_isolated(request, transaction) for request in batch]
            if transaction.rows:
                try:
                    connection.executemany(_sql.insert_event, transaction.rows)
                except sqlite3.IntegrityError as error:
                    raise FileReplaced(
                        f"another program wrote events to {self.file.path}"
                    ) from error
            self.file.check()
            execute("COMMIT")
        except BaseException:
            self._known.clear()
            if connection.in_transaction:
                execute("ROLLBACK")
            raise
        self._known.shorten()
        return outcomes, transaction.events


def _isolated(request: _Request, transaction: Transaction) -> Any:
    """What the request gives, or the error that undid it alone.

    After an error of SQLite itself other than a constraint (disk full, I/O) everything may
    already be rolled back, so the whole batch fails. Any other error is that of the one request.
    """
    connection = transaction.connection
    mark, changes = len(transaction.events), connection.total_changes
    if not request.single:
        connection.execute("SAVEPOINT request")
    try:
        outcome = _perform(request, transaction)
    except Exception as error:
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            raise
        if connection.total_changes != changes:
            if request.single:
                raise RuntimeError("a single change was followed by an error") from error
            transaction.known.clear()
        if not request.single:
            connection.execute("ROLLBACK TO request")
        transaction.undo(mark)
        outcome = error
    if not request.single:
        connection.execute("RELEASE request")
    return outcome


def _perform(request: _Request, transaction: Transaction) -> Any:
    if request.key is None:
        return request.work(transaction)
    known, answer = recall(transaction.connection, request.key)
    if not known:
        answer = request.work(transaction)
        remember(transaction.connection, request.key, answer, transaction.now)
    return answer


def _snapshot(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")


def _fold(connection: sqlite3.Connection) -> bool:
    (timeout,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")  # nobody waits for a reader in another program
    try:
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {timeout}")
    return not busy


def _unavailable(error: sqlite3.Error) -> Problem:
    log.error("database error: %s", error)
    return Busy("problem.database", reason=error)
