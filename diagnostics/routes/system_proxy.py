"""The proxies that this computer's settings send its programs through.

How to use it (nothing is sent; reading takes at most ``READ_SECONDS``)::

    found = await read_system_proxies()  # SystemProxies
    for setting in found.settings:
        ...  # one for each source that sets something
    found.contradictory  # two sources name different ways out
    setting.link_for("https")  # the Link that programs use for pages, or None
    setting.pac, setting.detect  # a script decides (its address may be secret), or one is searched for

What browsers do with a setting differs by source: see ``Setting.for_browsers``.  The settings are read as the systems keep them
(``proxy_readers.py``) and parsed by pure functions (``proxy_settings.py``).
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Mapping
from typing import Final

from diagnostics.bogons import is_loopback
from diagnostics.daemon import daemon_call
from diagnostics.model import Fact
from diagnostics.routes.link import NO_SECRET, Link, Secret

READ_SECONDS: Final = 5.0

EVERYTHING: Final = frozenset({"*", "*.*"})
"""Exceptions that leave nothing for the proxy."""


class Source(enum.StrEnum):
    """Where a setting stands."""

    WINDOWS = "windows"  # Internet options: what browsers use
    WINHTTP = "winhttp"  # what Windows' services use
    MACOS = "macos"
    GNOME = "gnome"
    KDE = "kde"
    ENVIRONMENT = "environment"  # of this process: programs of a terminal
    ENVIRONMENT_CAPITALS = "environment_capitals"  # HTTPS_PROXY where https_proxy says something else


FOR_BROWSERS: Final = frozenset({Source.WINDOWS, Source.MACOS, Source.GNOME, Source.KDE})


class Setting(Fact, frozen=True):
    """What one source says.

    ``links`` by what they are for: http, https, ftp, socks (whatever has none of its own) or all.  ``in_force``: the desktop that reads
    this source is the one that runs.  ``unread``: ids of the sentences about what was not understood.
    """

    source: Source
    links: Mapping[str, Link] = {}
    pac: Secret = NO_SECRET
    detect: bool = False
    exceptions: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    in_force: bool = True

    @property
    def says_something(self) -> bool:
        """Tell whether the source sets anything at all."""
        return bool(self.links or self.pac or self.detect or self.unread)

    @property
    def for_browsers(self) -> bool:
        """Tell whether the browser of an ordinary person goes by it: not what is set for one terminal or for services."""
        return self.in_force and self.source in FOR_BROWSERS

    def link_for(self, scheme: str) -> Link | None:
        """Return the proxy for pages of a scheme; a script and the exceptions are not asked."""
        if not EVERYTHING.isdisjoint(self.exceptions):
            return None
        return next((self.links[each] for each in (scheme, "all", "socks") if each in self.links), None)


class SystemProxies(Fact, frozen=True):
    """All sources that set something."""

    settings: tuple[Setting, ...] = ()

    @property
    def contradictory(self) -> bool:
        """Tell whether two sources that are in force send pages different ways."""
        ways = {
            (setting.pac.reveal(), link and (link.host, link.port))
            for setting in self.settings
            if setting.in_force and ((link := setting.link_for("https")) or setting.pac)
        }
        return len(ways) > 1

    @property
    def browsers(self) -> Setting | None:
        """Return the setting that browsers go by, or None."""
        return next((setting for setting in self.settings if setting.for_browsers), None)


NOTHING: Final = SystemProxies()


def is_here(host: str) -> bool:
    """Tell whether a proxy's host is this computer itself."""
    return is_loopback(host) or host.lower().rstrip(".") == "localhost"


async def read_system_proxies() -> SystemProxies:
    """Read all sources of this system.  What does not answer in time, or cannot be read, is left out."""
    from diagnostics.routes.proxy_readers import read_settings

    try:
        async with asyncio.timeout(READ_SECONDS):
            found = await daemon_call(read_settings)
    except OSError:  # a deadline is one, too
        return NOTHING
    return SystemProxies(settings=tuple(setting for setting in found if setting.says_something))
