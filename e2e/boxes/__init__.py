"""Real middleboxes, started as ordinary processes on loopback.

    with BOXES["nginx"](folder, ("127.0.0.1", 8000)) as box:
        httpx.get(f"{box.url}/healthz")

Each module has one product: its configuration, as people have it, and the variants that matter to
streams. A forward proxy has `.proxy` instead of `.url`.
"""

from e2e.boxes.apache import Apache, ApacheDeflate
from e2e.boxes.box import Address, Box, BoxError, Certificate
from e2e.boxes.caddy import Caddy, CaddyGzip
from e2e.boxes.haproxy import HAProxy, HAProxy5s
from e2e.boxes.mitmdump import Mitmdump, MitmdumpStream
from e2e.boxes.nginx import Nginx, NginxGzip, NginxIgnoreAbort, NginxIgnoreHeader, NginxTuned
from e2e.boxes.privoxy import Privoxy
from e2e.boxes.squid import Squid, SquidDelay
from e2e.boxes.tinyproxy import Tinyproxy, Tinyproxy10s
from e2e.boxes.traefik import Traefik
from e2e.boxes.varnish import Varnish, VarnishGzip, VarnishNoStream

__all__ = ["BOXES", "Address", "Box", "BoxError", "Certificate"]

ALL: tuple[type[Box], ...] = (
    Nginx,
    NginxGzip,
    NginxIgnoreHeader,
    NginxIgnoreAbort,
    NginxTuned,
    HAProxy,
    HAProxy5s,
    Apache,
    ApacheDeflate,
    Varnish,
    VarnishGzip,
    VarnishNoStream,
    Caddy,
    CaddyGzip,
    Traefik,
    Squid,
    SquidDelay,
    Tinyproxy,
    Tinyproxy10s,
    Privoxy,
    Mitmdump,
    MitmdumpStream,
)
BOXES: dict[str, type[Box]] = {box.name: box for box in ALL}
