"""Which certificates are believed: public roots, a service's own roots, this computer's store.

Public roots come from certifi (Mozilla's list), or from the file that ``SSL_CERT_FILE`` names.  A certificate that only
this computer's own store accepts was issued by a program or company on it (``local_interception``); one that nobody
accepts by somebody on the way.  Building a context costs 20 ms, as much as 35 handshakes: one of each kind a run.
"""

from __future__ import annotations

import os
import ssl
import sys
from functools import cached_property
from pathlib import Path

import certifi

from diagnostics.daemon import daemon_call


def public_bundle() -> str:
    """Return the path of the public root certificates (PEM)."""
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


class Trust:
    """The contexts of one run.  Fill it with ``await prepare()`` before handshakes are timed."""

    def __init__(self, bundle: str | None = None, system_bundle: str | None = None) -> None:
        """Believe the roots of ``bundle`` (default: the public ones), and of this computer or ``system_bundle``."""
        self._bundle = bundle or public_bundle()
        self._system_bundle = system_bundle
        self._with_extra: dict[str, ssl.SSLContext] = {}

    @property
    def bundle(self) -> str:
        """Return the path of the public roots (PEM), for what cannot use a context."""
        return self._bundle

    async def prepare(self, own_roots: tuple[str, ...] = ()) -> None:
        """Build the contexts of a run in a thread, so that no handshake pays for it; ``own_roots`` are PEM texts."""
        await daemon_call(self._build, own_roots)

    def _build(self, own_roots: tuple[str, ...]) -> tuple[ssl.SSLContext, ...]:
        return self.public, self.inspecting, self.nameless(None), *map(self.with_extra, own_roots), *map(self.nameless, own_roots)

    @cached_property
    def public(self) -> ssl.SSLContext:
        """Return the context that believes public roots."""
        return self._verifying(self._bundle)

    @cached_property
    def system(self) -> ssl.SSLContext:
        """Return the context that believes what this computer's own store believes, whatever the environment says."""
        if self._system_bundle:
            return self._verifying(self._system_bundle)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if sys.platform in ("win32", "darwin"):
            context.load_default_certs()  # on macOS Python's OpenSSL does not see the keychain: not verified there
            return context
        paths = ssl.get_default_verify_paths()
        cafile = Path("/etc/ssl/certs/ca-certificates.crt")  # Debian's store; others keep OpenSSL's default paths
        chosen = str(cafile) if cafile.exists() else paths.openssl_cafile
        if Path(chosen).exists():
            context.load_verify_locations(cafile=chosen)
        if Path(paths.openssl_capath).is_dir():
            context.load_verify_locations(capath=paths.openssl_capath)
        return context

    @cached_property
    def inspecting(self) -> ssl.SSLContext:
        """Return a context that verifies nothing: only to look at a certificate, never to carry a request."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        return context

    def with_extra(self, pem: str | None) -> ssl.SSLContext:
        """Return a context that believes the public roots and those of ``pem``, a service's own (text of a PEM file)."""
        if not pem:
            return self.public
        if pem not in self._with_extra:
            context = self._verifying(self._bundle)
            context.load_verify_locations(cadata=pem)
            self._with_extra[pem] = context
        return self._with_extra[pem]

    def nameless(self, pem: str | None) -> ssl.SSLContext:
        """Return ``with_extra(pem)`` without a look at the name: whoever uses it holds the certificate's names against a host himself."""
        key = f"nameless {pem or ''}"
        if key not in self._with_extra:
            context = self._verifying(self._bundle)
            context.check_hostname = False
            if pem:
                context.load_verify_locations(cadata=pem)
            self._with_extra[key] = context
        return self._with_extra[key]

    @staticmethod
    def _verifying(bundle: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=bundle)
        context.set_alpn_protocols(["http/1.1"])
        return context
