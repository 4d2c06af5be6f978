"""Privoxy with the filters that Debian installs. `extra` goes to the end of the file."""

from e2e.boxes.box import Box

TEMPLATE = """\
confdir /etc/privoxy
logdir %(folder)s
actionsfile match-all.action
actionsfile default.action
actionsfile user.action
filterfile default.filter
filterfile user.filter
listen-address 127.0.0.1:%(port)s
toggle 1
buffer-limit 4096
keep-alive-timeout 5
tolerate-pipelining 1
socket-timeout 300
%(extra)s
"""


class Privoxy(Box):
    name = "privoxy"
    title = "Privoxy, Debian's defaults"
    kind = "forward"
    program = "privoxy"
    package = "privoxy"

    def configure(self) -> list[str]:
        return ["--no-daemon", self.write("privoxy.conf", TEMPLATE)]
