"""Caddy. `extra` goes into the `reverse_proxy` block."""

from typing import ClassVar

from e2e.boxes.box import Box

PREAMBLE = """\
{
    admin off
    auto_https off
    storage file_system "%(folder)s"
}
"""
TEMPLATE = (
    PREAMBLE
    + """
%(scheme)s://:%(port)s {
    bind 127.0.0.1
    %(tls)s
    %(lines)s
    %(redirect)s
    handle %(matcher)s {
        %(strip)s
        reverse_proxy %(upstream)s {
            %(extra)s
        }
    }
}
"""
)


class Caddy(Box):
    name = "caddy"
    title = "Caddy, `reverse_proxy`"
    kind = "reverse"
    program = "caddy"
    package = "caddy"
    can_tls = True
    lines: ClassVar[str] = ""

    def configure(self) -> list[str]:
        prefix = self.prefix
        configuration = self.write(
            "Caddyfile",
            TEMPLATE,
            scheme="https" if self.tls else "http",
            tls=f'tls "{self.tls.cert}" "{self.tls.key}"' if self.tls else "",
            lines=self.lines,
            redirect=f"redir {prefix} {prefix}/" if prefix else "",
            matcher=f"{prefix}/*" if prefix else "",
            strip=f"uri strip_prefix {prefix}" if prefix and not self.keep_prefix else "",
        )
        return ["run", "--config", configuration, "--adapter", "caddyfile"]


class CaddyGzip(Caddy):
    name = "caddy-gzip"
    title = "Caddy, `encode gzip`"
    lines = "encode gzip"
