"""Squid. `extra` goes to the end of the file."""

from typing import ClassVar

from e2e.boxes.box import Box

# Debian's, but that CONNECT may go to any port: the servers of tests do not have 443.
TEMPLATE = """\
http_port 127.0.0.1:%(port)s
http_access allow localhost
http_access deny all
refresh_pattern -i (/cgi-bin/|\\?) 0 0%% 0
refresh_pattern . 0 20%% 4320
pid_filename none
access_log none
cache_log /dev/null
coredump_dir none
pinger_enable off
memory_cache_shared off
cache_mem 16 MB
shutdown_lifetime 0 seconds
%(lines)s
%(extra)s
"""


class Squid(Box):
    name = "squid"
    title = "Squid, Debian's defaults"
    kind = "forward"
    program = "squid"
    package = "squid"
    lines: ClassVar[str] = ""

    def configure(self) -> list[str]:
        return ["-N", "-d", "1", "-f", self.write("squid.conf", TEMPLATE, lines=self.lines)]


class SquidDelay(Squid):
    name = "squid-delay"
    title = "Squid, delay pools (throttled), `read_timeout 30 seconds`"
    lines = """\
delay_pools 1
delay_class 1 1
delay_access 1 allow all
delay_parameters 1 65536/65536
read_timeout 30 seconds"""
