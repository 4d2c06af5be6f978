"""mitmdump of mitmproxy, which stands for boxes that open TLS: inspection, virus scanners.

It has an environment of its own, .venv-mitm, which `make boxes` builds. `extra` are options, one
`name=value` a line.
"""

import shutil
from pathlib import Path
from typing import ClassVar

from e2e.boxes.box import Box

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-mitm" / "bin" / "mitmdump"


class Mitmdump(Box):
    name = "mitmdump"
    title = "mitmdump, default (TLS inspection, virus scanners)"
    kind = "forward"
    program = "mitmdump"
    package = "`make boxes`"
    options: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def find(cls) -> str | None:
        return str(ENVIRONMENT) if ENVIRONMENT.exists() else shutil.which(cls.program)

    def configure(self) -> list[str]:
        own = (f"confdir={self.folder}", "ssl_insecure=true", "termlog_verbosity=warn")
        options = (*own, *self.options, *self.extra.split())
        settings = [word for option in options for word in ("--set", option)]
        return ["--listen-host", "127.0.0.1", "--listen-port", str(self.port), *settings]


class MitmdumpStream(Mitmdump):
    name = "mitmdump-stream"
    title = "mitmdump, `stream_large_bodies=1`"
    options = ("stream_large_bodies=1",)
