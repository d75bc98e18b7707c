"""A laboratory with thousands of sites, each at an address of its own; one in ten is swallowed on the way.

The names share certificates by the hundred and one nginx serves them all: what is measured is the client.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Final

from benchmarks.engine import FAR, NEAR
from diagnostics.catalog import Catalog, load_catalog
from tests.real_servers.censor import CLIENT_DEVICE
from tests.real_servers.lab import Lab, Line
from tests.real_servers.setting import Setting
from tests.real_servers.world import World

REACHED: Final = ipaddress.ip_network("104.128.0.0/16")
SWALLOWED: Final = ipaddress.ip_network("104.132.0.0/16")
A_GROUP: Final = 100
"""Names on one certificate."""

ONE_IN: Final = 10
"""One site in so many is swallowed by its address."""


class Crowd(World):
    """The catalog's hosts and ``count`` sites more, of as many owners."""

    def __init__(self, catalog: Catalog, count: int) -> None:
        """Lay them out."""
        super().__init__(catalog)
        self.sites = {f"www.s{n:05d}.example": self._address(n) for n in range(count)}
        names = list(self.sites)
        self.groups = [names[n : n + A_GROUP] for n in range(0, count, A_GROUP)]
        self.networks = [str(REACHED), str(SWALLOWED)]

    @staticmethod
    def _address(number: int) -> str:
        return str((SWALLOWED if swallowed(number) else REACHED)[number + 1])

    @property
    def records(self) -> list[tuple[str, str]]:
        """Return the (name, address) pairs of the DNS."""
        return [*super().records, *self.sites.items()]

    def urls(self, count: int, *, reachable_only: bool = False) -> list[str]:
        """Return the addresses of the first ``count`` sites, or of the first that are not swallowed."""
        chosen = [name for number, name in enumerate(self.sites) if not (reachable_only and swallowed(number))]
        return [f"https://{name}/" for name in chosen[:count]]


def swallowed(number: int) -> bool:
    """Tell whether packets to a site's address are dropped."""
    return number % ONE_IN == ONE_IN // 2


def swallowed_url(url: str) -> bool:
    """Tell the same by a site's URL."""
    return swallowed(int(url.partition("://www.s")[2].partition(".")[0]))


class CrowdLab(Lab):
    """The laboratory around a crowd; ``loss`` is the client's line's, each way."""

    def __init__(self, count: int, *, loss: float = 0.0, seed: int = 1) -> None:
        """Prepare it; entering builds it."""
        catalog = load_catalog()
        self.crowd = Crowd(catalog, count)
        super().__init__(catalog, near=Line(NEAR, loss, seed), far=Line(FAR - NEAR), world=self.crowd)

    def swallow(self) -> None:
        """Drop what goes to the swallowed sites."""
        self.arrange(Setting(rules=(f"-A FORWARD -i {CLIENT_DEVICE} -d {SWALLOWED} -j DROP",)))

    def write_urls(self, urls: list[str]) -> Path:
        """Write addresses into a file, one a line, for the programs inside."""
        path = self.folder / f"urls-{len(urls)}.txt"
        path.write_text("".join(f"{url}\n" for url in urls))
        return path
