"""The certificate: errors that say which file is wrong and how, and renewal without a restart."""

from __future__ import annotations

import logging
import ssl
from asyncio.sslproto import SSLProtocol
from pathlib import Path

import hypercorn

from app.config import ConfigError

log = logging.getLogger("livequeue")

READ = 16 * 1024  # bytes, one record of TLS: asyncio holds 256 KiB for each connection otherwise


class Certificate:
    """Raises ConfigError when the two files cannot be used."""

    def __init__(self, certfile: str, keyfile: str) -> None:
        SSLProtocol.max_size = READ
        self._files = certfile, keyfile
        self.context = _context(certfile, keyfile)

    def reload(self) -> None:
        """Connections from now on get what the files hold now; a broken renewal changes nothing."""
        try:
            # Into a context of its own first: it would leave half of a pair that does not match.
            _context(*self._files)
            self.context.load_cert_chain(*self._files)
        except (ConfigError, ssl.SSLError, OSError) as error:
            log.error("the certificate is not renewed, the old one stays: %s", error)
        else:
            log.info("the certificate was read anew from %s", self._files[0])


def _context(certfile: str, keyfile: str) -> ssl.SSLContext:
    for name, file in (("certfile", certfile), ("keyfile", keyfile)):
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read the {name} {file}: {error.strerror}") from None
    config = hypercorn.Config()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9113, section 9.2
    context.set_ciphers(config.ciphers)
    context.set_alpn_protocols(config.alpn_protocols)

    def no_passphrase() -> str:
        raise ConfigError(f"the keyfile {keyfile} has a passphrase; give one without")

    try:
        context.load_cert_chain(certfile, keyfile, no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"the keyfile {keyfile} is not the key of the certificate in {certfile}"
        else:
            text = f"the certfile {certfile} or the keyfile {keyfile} is not what it should be"
            text += f" (PEM): {error.reason or error}"
        raise ConfigError(text) from None
    return context
