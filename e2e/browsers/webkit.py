"""WebKitGTK's own small browser, driven by its WebDriver on a screen that nobody sees."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Remote, WebKitGTKOptions
from selenium.webdriver.common.proxy import Proxy
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.webkitgtk.service import Service

from e2e.browsers.finding import NoBrowserError

DRIVER = "WebKitWebDriver"
SCREEN = "Xvfb"
HELP = "{name} is not here (Debian: apt-get install webkit2gtk-driver xvfb)"


def find(name: str) -> str:
    program = shutil.which(name)
    if not program:
        raise NoBrowserError(HELP.format(name=name))
    return program


@contextmanager
def screen() -> Iterator[str]:
    """A display of our own; its name."""
    read, write = os.pipe()
    command = [find(SCREEN), "-displayfd", str(write), "-screen", "0", "1280x800x24"]
    with subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[write], stderr=subprocess.DEVNULL
    ) as server:
        os.close(write)
        try:
            with os.fdopen(read) as told:
                number = told.readline().strip()  # said once it is up, or the end of file
            if not number:
                raise NoBrowserError(f"{SCREEN} does not start")
            yield f":{number}"
        finally:
            server.terminate()


@contextmanager
def webkit(*, insecure: bool = False, proxy: str | None = None) -> Iterator[Remote]:
    """A running browser; `insecure` takes any certificate."""
    driver = find(DRIVER)
    options = WebKitGTKOptions()
    options.set_capability("acceptInsecureCerts", insecure)
    if proxy:
        place = urlsplit(proxy).netloc
        options.proxy = Proxy({"proxyType": "manual", "httpProxy": place, "sslProxy": place})
    with screen() as display:
        # A container has no GPU.
        environment = {**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11"}
        environment |= {"LIBGL_ALWAYS_SOFTWARE": "1"}
        service = Service(driver, log_output=subprocess.DEVNULL, env=environment)
        try:
            service.start()
            # Not selenium's WebKitGTK, which uses what selenium itself calls deprecated.
            address = ClientConfig(remote_server_addr=service.service_url)
            browser = Remote(RemoteConnection(client_config=address), options=options)
        except WebDriverException as error:
            service.stop()
            raise NoBrowserError(f"{driver}: {error.msg}") from error
        try:
            yield browser
        finally:
            browser.quit()
            service.stop()
