"""HAProxy. `extra` goes into `defaults`."""

from typing import ClassVar

from e2e.boxes.box import Box

TEMPLATE = """\
defaults web
    mode http
    option dontlognull
    timeout connect 5s
    timeout client %(timeout)s
    timeout server %(timeout)s
    %(extra)s

frontend browsers
    bind 127.0.0.1:%(port)s %(bind)s
    %(redirect)s
    default_backend livequeue

backend livequeue
    %(strip)s
    server livequeue %(upstream)s
"""


class HAProxy(Box):
    name = "haproxy"
    title = "HAProxy, Debian's defaults"
    kind = "reverse"
    program = "haproxy"
    package = "haproxy"
    can_tls = True
    timeout: ClassVar[str] = "50s"

    def configure(self) -> list[str]:
        bind = ""
        if self.tls:
            bundle = self.folder / "bundle.pem"
            bundle.write_text(self.tls.cert.read_text() + self.tls.key.read_text())
            bind = f"ssl crt {bundle} alpn h2,http/1.1"
        prefix = self.prefix
        strip = rf"http-request replace-path {prefix}(/.*) \1"
        configuration = self.write(
            "haproxy.cfg",
            TEMPLATE,
            timeout=self.timeout,
            bind=bind,
            redirect=f"http-request redirect location {prefix}/ if {{ path {prefix} }}"
            if prefix
            else "",
            strip=strip if prefix and not self.keep_prefix else "",
        )
        return ["-db", "-f", configuration]


class HAProxy5s(HAProxy):
    name = "haproxy-5s"
    title = "HAProxy, time-outs of 5 s"
    timeout = "5s"
