"""`livequeue check URL`: what the network between here and a server does to live updates."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import httpx

from livequeue_client import __version__
from livequeue_client.address import server_url
from livequeue_client.check_answer import ANSWER_LIMIT
from livequeue_client.check_probes import EVENTS, PAGE, Probes, Stream, Wait, with_ticks
from livequeue_client.check_reach import (
    Blocked,
    Proxy,
    choose_proxy,
    distrusted,
    find_root,
    is_certificate,
    not_connected,
    not_ours,
)
from livequeue_client.check_transport import Transport

LIVE, DEGRADED, UNREACHABLE = 0, 1, 2  # exit status
TEXT = 500  # characters of a header that are told on

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def check(arguments: argparse.Namespace) -> int:
    """The command."""
    try:
        address = server_url(arguments.url)
    except ValueError as error:
        print(f"livequeue check: {error}", file=sys.stderr)
        return UNREACHABLE
    out = _Out(as_json=arguments.json)
    run = _Check(arguments, address, choose_proxy(address, arguments.proxy), out)
    try:
        return asyncio.run(run.run())
    except Blocked as error:
        out.blocked(error, run.facts())
        return UNREACHABLE
    except _NoSuchAdviceError as error:
        print(f"livequeue check: {error}", file=sys.stderr)
        return UNREACHABLE
    except BrokenPipeError:  # nobody reads on: as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREACHABLE


class _NoSuchAdviceError(Exception):
    """`--advice` names a proxy that the server has no lines for."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no advice for {name!r}, but for {', '.join(known)}; all prints each")


class _Check:
    def __init__(
        self, arguments: argparse.Namespace, address: str, proxy: Proxy, out: _Out
    ) -> None:
        self._arguments = arguments
        self._proxy = proxy
        self._out = out
        self._root = f"{address}/"
        self._instance: object = None
        self._measured: dict[str, Any] = {}

    def facts(self) -> dict[str, Any]:
        proxy = {"url": self._proxy.shown, "source": self._proxy.source}
        return {"url": self._root, "proxy": proxy if self._proxy.url else None}

    async def run(self) -> int:
        self._out.begin(self._root, self._proxy)
        async with self._client() as client:
            probes = Probes(client, self._root)
            seen = await self._reach(client, probes)
            self._instance = seen.get("instance")
            await self._quick(probes)
            verdict = await self._verdict(probes)
            known = [block["name"] for block in verdict["advice"]]
            if (wanted := self._arguments.advice) not in (None, "all", *known):
                raise _NoSuchAdviceError(wanted, known)
            self._out.checks(verdict)
            if not self._arguments.quick:
                await self._slow(probes)
                await self._still_there(probes)
                verdict = await self._verdict(probes)
                self._out.checks(verdict)
        self._out.end(verdict, self._arguments.advice, self.facts(), self._measured)
        return LIVE if verdict["state"] == "live" else DEGRADED

    def _client(self) -> httpx.AsyncClient:
        headers = {"User-Agent": f"livequeue-client/{__version__}", "Accept": "application/json"}
        if token := os.environ.get("LIVEQUEUE_TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
        try:
            transport = Transport(
                proxy=self._proxy.url,  # chosen by us, so that we can name it
                verify=httpx.create_ssl_context(),  # knows SSL_CERT_FILE
                http2=find_spec("h2") is not None,
            )
            return httpx.AsyncClient(
                headers=headers,
                transport=transport,
                trust_env=False,
                timeout=httpx.Timeout(None, connect=ANSWER_LIMIT),
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise Blocked(
                "proxy", f"the proxy {self._proxy.shown} cannot be used: {error}"
            ) from None

    async def _reach(self, client: httpx.AsyncClient, probes: Probes) -> dict[str, Any]:
        """What the server says of itself. Raises Blocked."""
        try:
            await probes.seen()  # so that the time is one without connecting
            answer, took = await probes.seen()
        except httpx.HTTPError as error:
            if is_certificate(error):
                raise await distrusted(error, self._root, self._proxy) from None
            raise not_connected(error, self._root, self._proxy) from None
        seen = answer.document
        if seen is None or seen.get("name") != "LiveQueue":
            raise not_ours(answer, self._root, await find_root(client, self._root))
        self._measured |= {
            "address": self._root,
            "proxy": self._proxy.shown,
            "prefix": urlsplit(self._root).path,
            "http": answer.http,
            "first_byte": round(took, 4),
            "server": answer.headers.get("Server", "")[:TEXT],
            "via": answer.headers.get("Via", "")[:TEXT],
        }
        return seen

    async def _quick(self, probes: Probes) -> None:
        stream, other, write = await asyncio.gather(
            probes.stream(), probes.stream("application/json"), probes.write()
        )
        self._measured |= {
            "events": EVENTS,
            "stream_status": stream.status,
            "encoding": stream.encoding,
            "sent": stream.sent,
            "arrived": stream.arrived,
            "other_sent": other.sent,
            "other_arrived": other.arrived,
            "write_status": write,
            "quick": self._arguments.quick,
        }
        self._note_page(stream)

    async def _slow(self, probes: Probes) -> None:
        idle, poll = self._arguments.idle, self._arguments.poll
        silence, wait = await with_ticks(
            asyncio.gather(probes.silence(idle), probes.poll(poll)),
            lambda passed: self._out.progress(passed, max(idle, poll)),
        )
        self._out.progress_over()
        if silence.stopping or wait.stopping:
            raise _restarted()
        self._measured |= {
            "idle": idle if silence.whole else round(silence.lived, 1),
            "idle_status": 200 if silence.whole else silence.status % 200,
            "poll": poll if wait.status == 200 else round(wait.lived, 1),
            "poll_status": wait.status,
        }
        self._note_page(silence)
        self._note_page(wait)

    async def _still_there(self, probes: Probes) -> None:
        """A cut may have been the server's own end."""
        try:
            answer, _ = await probes.seen()
        except httpx.HTTPError as error:
            raise Blocked("gone", "the server went away during the check", str(error)) from None
        seen = answer.document
        if seen is None or seen.get("instance") != self._instance:
            raise _restarted()

    async def _verdict(self, probes: Probes) -> dict[str, Any]:
        try:
            return await probes.verdict(self._measured)
        except (httpx.HTTPError, ValueError) as error:
            raise Blocked("gone", "the server went away during the check", str(error)) from None

    def _note_page(self, outcome: Stream | Wait) -> None:
        if outcome.page:
            self._measured.setdefault("page", outcome.page[:PAGE])


def _restarted() -> Blocked:
    return Blocked("restarted", "the server restarted during the check", "Check again.")


class _Out:
    """Lines for a reader, or one JSON document."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._said: set[str] = set()
        self._live = not as_json and sys.stderr.isatty()

    def begin(self, root: str, proxy: Proxy) -> None:
        way = ""
        if proxy.url:
            way = f" through the proxy {proxy.shown} ({proxy.source})"
        elif proxy.ignored:
            way = f" directly, not through {proxy.source}: {proxy.ignored}"
        self._print(f"Checking {root}{way}")
        if root.startswith("https") and find_spec("h2") is None:
            self._print("HTTP/2 is not tried: that needs the package httpx[http2].")
        self._print("")

    def checks(self, verdict: dict[str, Any]) -> None:
        """Those that were not said yet."""
        for row in verdict["checks"]:
            if row["state"] != "waiting" and row["name"] not in self._said:
                self._said.add(row["name"])
                self._print(row["line"])

    def progress(self, passed: float, whole: float) -> None:
        if self._live:
            print(f"\r     silence: {passed:.0f} of {whole:.0f} s ", end="", file=sys.stderr)
            sys.stderr.flush()

    def progress_over(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr)
            sys.stderr.flush()

    def end(
        self,
        verdict: dict[str, Any],
        wanted: str | None,
        facts: dict[str, Any],
        measured: dict[str, Any],
    ) -> None:
        if self._json:
            print(json.dumps({**facts, "measured": measured, "verdict": verdict}, indent=2))
            return
        self._print("")
        for line in (verdict["headline"], *verdict["explanation"]):
            self._print(line)
        blocks = verdict["advice"]
        if wanted is None:
            blocks = blocks[:1] if verdict["findings"] else []
        elif wanted != "all":
            blocks = [block for block in blocks if block["name"] == wanted]
        for block in blocks:
            self._print(f"\n{block['title']}: {block['where']}\n\n{block['lines']}")
        if verdict["findings"] and wanted is None:
            others = ", ".join(block["name"] for block in verdict["advice"][1:])
            self._print(f"\nFor another one: --advice NAME, with {others}.")

    def blocked(self, error: Blocked, facts: dict[str, Any]) -> None:
        self.progress_over()
        if self._json:
            told = {"reason": error.reason, "text": str(error), "advice": error.advice}
            print(json.dumps({**facts, "error": told}, indent=2))
            return
        self._print(f"Unreachable: {error}")
        if error.advice:
            self._print(error.advice)

    def _print(self, line: str) -> None:
        if not self._json:
            # What another program says is not to command the terminal.
            print(_CONTROL.sub("\ufffd", line), flush=True)
