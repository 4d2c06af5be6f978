"""Apache httpd. `extra` goes into the site: some of it may not stand in a `<Location>`."""

import os
from pathlib import Path
from typing import ClassVar

from e2e.boxes.box import Box

MODULES = Path("/usr/lib/apache2/modules")
NEEDED = (
    "mpm_event", "authz_core", "alias", "env", "headers", "setenvif", "filter", "deflate",
    "proxy", "proxy_http", "socache_shmcb", "ssl", "http2",
)  # fmt: skip
LOADED = "\n".join(f'LoadModule {name}_module "{MODULES}/mod_{name}.so"' for name in NEEDED)
# It refuses to serve as root; what the workers need was opened before they dropped it.
USER = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""

PREAMBLE = """\
ServerRoot "%(folder)s"
ServerName 127.0.0.1
Listen 127.0.0.1:%(port)s
%(modules)s
%(user)s
PidFile apache.pid
DefaultRuntimeDir "%(folder)s"
ErrorLog error.log
"""
TEMPLATE = (
    PREAMBLE
    + """\
Timeout 300
StartServers 1
ServerLimit 2
ThreadsPerChild 64
MaxRequestWorkers 128
%(tls)s
%(redirect)s
ProxyPass "%(prefix)s/" "http://%(upstream)s%(path)s/"
ProxyPassReverse "%(prefix)s/" "http://%(upstream)s%(path)s/"
%(lines)s
%(extra)s
"""
)
TLS = """\
Protocols h2 http/1.1
SSLEngine on
SSLCertificateFile "%s"
SSLCertificateKeyFile "%s"
"""


class Apache(Box):
    name = "apache"
    title = "Apache, `ProxyPass`"
    kind = "reverse"
    program = "apache2"
    package = "apache2"
    can_tls = True
    lines: ClassVar[str] = ""

    def configure(self) -> list[str]:
        prefix = self.prefix
        configuration = self.write(
            "apache.conf",
            TEMPLATE,
            modules=LOADED,
            user=USER,
            tls=TLS % (self.tls.cert, self.tls.key) if self.tls else "",
            redirect=f'RedirectMatch "^{prefix}$" "{prefix}/"' if prefix else "",
            prefix=prefix,
            path=self.path,
            lines=self.lines,
        )
        return ["-DFOREGROUND", "-f", configuration]


class ApacheDeflate(Apache):
    name = "apache-deflate"
    title = "Apache, `ProxyPass` with `DEFLATE`"
    lines = "SetOutputFilter DEFLATE"
