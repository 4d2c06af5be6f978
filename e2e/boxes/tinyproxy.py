"""tinyproxy. `extra` goes to the end of the file."""

from typing import ClassVar

from e2e.boxes.box import Box

TEMPLATE = """\
Port %(port)s
Listen 127.0.0.1
Allow 127.0.0.1
Timeout %(timeout)s
MaxClients 100
LogLevel Warning
%(extra)s
"""


class Tinyproxy(Box):
    name = "tinyproxy"
    title = "tinyproxy, Debian's defaults"
    kind = "forward"
    program = "tinyproxy"
    package = "tinyproxy"
    timeout: ClassVar[int] = 600

    def configure(self) -> list[str]:
        return ["-d", "-c", self.write("tinyproxy.conf", TEMPLATE, timeout=self.timeout)]


class Tinyproxy10s(Tinyproxy):
    name = "tinyproxy-10s"
    title = "tinyproxy, `Timeout 10`"
    timeout = 10
