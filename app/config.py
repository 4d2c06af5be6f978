"""Settings: one table, from which flags, environment, TOML file and documentation are read.

Precedence, strongest first: flag, ``LIVEQUEUE_*`` environment variable, TOML file, default.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from app.addresses import Network, parse_networks

PREFIX_LENGTH = 200
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")


class ConfigError(Exception):
    """A setting is unknown or has a value that cannot be used; the text says what to do."""


def _setting(default: Any, help: str, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Settings:
    bind: str = _setting("127.0.0.1:8000", "address to listen on, HOST:PORT (port 0: a free one)")
    db: str = _setting("data/livequeue.db", "the SQLite file; its folder is made when missing")
    open: bool = _setting(False, "permit a bind address that other machines can reach")
    allowed_hosts: str = _setting("", "further names this server answers to, comma separated")
    certfile: str = _setting("", "PEM file with the certificate (and its chain): serve HTTPS")
    keyfile: str = _setting("", "PEM file with the certificate's key, without passphrase")
    path_prefix: str = _setting(
        "",
        "the path a proxy passes on unchanged, such as /dash (one it takes off needs no setting)",
    )
    trusted_proxies: str = _setting(
        "", "addresses or networks whose X-Forwarded-* headers are believed, comma separated"
    )
    heartbeat: float = _setting(15.0, "seconds between heartbeats on a quiet stream", 2, 30)
    wave_pause: float = _setting(
        50.0, "least milliseconds between two deliveries of a busy topic (idle: none)", 0, 1000
    )
    stream_lifetime: float = _setting(
        300.0, "seconds after which a stream is ended and reopened, give or take 15 %", 2, 86400
    )
    send_timeout: float = _setting(
        30.0, "seconds after which a stream's client that takes no bytes is dropped", 1, 600
    )
    max_streams: int = _setting(2000, "open streams and long-polls in all", 1, 100_000)
    max_streams_per_client: int = _setting(
        50,
        "open streams and long-polls of one address (loopback and trusted proxies excepted)",
        1,
        100_000,
    )
    window_events: int = _setting(20_000, "newest events held in memory", 10, 1_000_000)
    window_bytes: int = _setting(32 * 2**20, "bytes of them", 2**16, 2**31)
    retention_log_days: float = _setting(30.0, "days a log line is kept", 0.001, 36500)
    retention_log_bytes: int = _setting(
        2**30, "bytes of one task's compressed lines beyond which its oldest go", 2**16, 2**50
    )
    retention_bytes: int = _setting(
        10 * 2**30, "bytes of database file beyond which the oldest log lines go", 2**20, 2**50
    )
    retention_days: float = _setting(30.0, "days an event is kept for replay", 0.001, 36500)
    retention_events: int = _setting(1_000_000, "events kept for replay", 100, 10**9)
    max_body: int = _setting(16 * 2**20, "bytes of a JSON or form body", 1024, 2**30)
    access_log: bool = _setting(False, "log each request when it has been answered")
    log_level: str = _setting("info", "debug, info, warning or error")

    @property
    def host(self) -> str:
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.bind.rpartition(":")[2])

    @cached_property
    def trusted_networks(self) -> tuple[Network, ...]:
        return parse_networks(self.trusted_proxies)

    def __post_init__(self) -> None:
        host, colon, port = self.bind.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise ConfigError(
                f"bind must be HOST:PORT, for example 127.0.0.1:8000, not {self.bind!r}"
            )
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise ConfigError("log_level must be debug, info, warning or error")
        if bool(self.certfile) != bool(self.keyfile):
            raise ConfigError("certfile and keyfile belong together: give both or none")
        prefix = self.path_prefix.rstrip("/")
        if prefix and not is_prefix(prefix):
            raise ConfigError(
                "path_prefix must be a path such as /dash, of letters, digits and . _ ~ -, not "
                f"{self.path_prefix!r}"
            )
        object.__setattr__(self, "path_prefix", prefix)
        try:
            parse_networks(self.trusted_proxies)
        except ValueError as error:
            raise ConfigError(
                "trusted_proxies must be addresses or networks, for example "
                f"127.0.0.1, 10.0.0.0/8: {error}"
            ) from None
        for item in fields(self):
            low, high = item.metadata["low"], item.metadata["high"]
            if low is not None and not low <= getattr(self, item.name) <= high:
                raise ConfigError(f"{item.name} must be between {_number(low)} and {_number(high)}")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def is_prefix(text: str) -> bool:
    """Whether it can stand before a path and mean nothing else there."""
    return len(text) <= PREFIX_LENGTH and _PREFIX.fullmatch(text) is not None


def _convert(name: str, kind: str, value: Any) -> Any:
    try:
        if kind == "bool":
            words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
            return value if isinstance(value, bool) else words[str(value).strip().lower()]
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
        return str(value)
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{name} must be a {kind}, not {value!r}") from None


def load(
    flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ, file: str | None = None
) -> Settings:
    """Merge flags (``None`` = not given), environment and an optional TOML file.

    Raises ConfigError with a message fit for the terminal.
    """
    file = file or environ.get("LIVEQUEUE_CONFIG")
    from_file: dict[str, Any] = {}
    if file:
        try:
            from_file = tomllib.loads(Path(file).read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"cannot read the settings file {file}: {error}") from None
    known = {item.name: item for item in fields(Settings)}
    if unknown := set(from_file) - set(known):
        raise ConfigError(f"unknown setting in {file}: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {}
    for name, item in known.items():
        given = flags.get(name)
        if given is None:
            given = environ.get(f"LIVEQUEUE_{name.upper()}", from_file.get(name))
        if given is not None:
            values[name] = _convert(name, str(item.type), given)
    return Settings(**values)


def markdown() -> str:
    """The settings as ``docs/settings.md`` lists them: ``python -m app.config``."""
    rows = [
        f"| `{item.name}` | `{str(item.default).lower() or ' '}` | {item.metadata['help']} |"
        for item in fields(Settings)
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Each setting can be given, strongest first, as a flag (`--max-streams 500`), as an",
            "environment variable (`LIVEQUEUE_MAX_STREAMS=500`) or in a TOML file",
            "(`max_streams = 500`) named by `--config` or `LIVEQUEUE_CONFIG`.",
            "",
            "| setting | default | what it is |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    print(markdown(), end="")
