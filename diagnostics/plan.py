"""Which targets, how far, within which bounds: decided before anything is sent."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from diagnostics.bogons import is_address
from diagnostics.catalog import Catalog
from diagnostics.controls import independent
from diagnostics.errors import InputError
from diagnostics.model import Control, Endpoint, Fact, Function, Probe, Resolver, Service
from diagnostics.routes.link import Link
from diagnostics.vpn.profile import Consent, Profile
from diagnostics.vpn.protection.line import LineMemory

DEFAULT_TARGETS: Final = ("x", "whatsapp", "telegram", "signal")
MANY: Final = 150
"""Endpoints above which a name is compared with other resolvers only where something is in doubt, or could be: a valid
certificate vouches for the address by itself, and a list of a thousand sites would ask every public resolver a thousand times.
All the services that ship stay below it."""

MAX_URL: Final = 2048
MAX_NAME: Final = 253
MAX_LABEL: Final = 63
LONGEST_SHOWN: Final = 80
"""Characters of a typed text that a sentence about it repeats."""

LOCALHOST: Final = "localhost"
LOOPBACK: Final = "127.0.0.1"
"""What "localhost" is by definition (RFC 6761, 6.3): nobody has to be asked, and no resolver's answer can be an accusation."""

QUOTES: Final = "\"'<>"
"""Characters that end a URL in a text: they are written as %XX, as browsers do, so that a report can be cleaned of all of it."""

_SIGNED_IN: Final = re.compile(r"\S*@")


class VpnPlan(Fact, frozen=True):
    """What a run will do about VPNs besides noting which one is up.

    ``profiles``: profiles of the person that are tested, and the targets through those that give a tunnel; ``consent``: what they
    allowed of that; ``lent``: proxies of the person through which a server that keeps silent is greeted as well, besides those of
    ``Plan.routes``, and nothing else is done with them; ``protection``: look if the VPN that is up protects, which asks places outside
    what they see, and compare with ``memory``, what this computer's lines looked like without it; ``outside``: test the targets beside
    it, too; ``kill_switch``: try on purpose if a packet gets out beside it; ``watch``: do nothing but watch it, for so many seconds,
    without sending anything; ``look``: do nothing but see which one is up, without sending anything to anybody.
    """

    profiles: tuple[Profile, ...] = ()
    consent: Consent = Consent()
    lent: tuple[Link, ...] = ()
    protection: bool = False
    memory: LineMemory = LineMemory()
    outside: bool = False
    kill_switch: bool = False
    watch: float = 0.0
    look: bool = False


class Plan(Fact, frozen=True):
    """What a run will do.  ``timeout`` bounds the whole run in seconds; None leaves it to the steps' own patience."""

    targets: tuple[Service, ...]
    resolvers: tuple[Resolver, ...] = ()
    controls: tuple[Control, ...] = ()
    timeout: float | None = None
    routes: tuple[Link, ...] = ()
    direct: bool = True
    ways: bool = False
    """Whether ways round are tried for what turns out to be blocked."""
    exits: bool = False
    """Whether it is also tried if ways out (Tor, VPN makers, app stores) can be reached, without using them."""
    vpn: VpnPlan = VpnPlan()

    @property
    def many(self) -> bool:
        """Tell whether so much is asked for that clean sites are measured with less beside them (``MANY``)."""
        return sum(len(function.endpoints) for target in self.targets for function in target.functions) > MANY

    def facts(self) -> dict[str, Any]:
        """Return what the judge needs of the plan, as it is written into the report."""
        return {
            "targets": msgspec.to_builtins(self.targets),
            "controls": msgspec.to_builtins(self.controls),
            "direct": self.direct,
            "outside": self.vpn.outside,
            "routes": [
                *({"id": link.id, "kind": str(link.kind)} for link in self.routes),
                *({"id": profile.id, "kind": str(profile.protocol)} for profile in self.vpn.profiles),
            ],
            "resolvers": [
                {"id": r.id, "operator": r.operator, "addresses": list(r.addresses), "checked": r.checked} for r in self.resolvers
            ],
        }


def make_plan(
    targets: Sequence[str],
    urls: Sequence[str],
    catalog: Catalog,
    *,
    timeout: float | None = None,
    routes: Sequence[Link] = (),
    direct: bool = True,
    ways: bool = False,
    exits: bool = False,
) -> Plan:
    """Return the plan for some services (by id or by another name of theirs) and sites; without either, for the default services.

    ``routes`` are the proxies to test them through as well, ``direct`` False leaves the direct line out.
    ``ways`` and ``exits`` as in ``Plan``; without the direct line nothing is known that they could lead round.
    Raises InputError for a service that is not known and for a URL that is none.
    """
    wanted = [name.strip().lower() for name in targets] or ([] if urls else list(DEFAULT_TARGETS))
    chosen = {target.id: target for target in [*(_service(name, catalog) for name in wanted), *map(site_of, urls)]}
    controls = independent(catalog.controls, chosen.values(), catalog.services.values())
    distinct = tuple({link.id: link for link in routes}.values())
    return Plan(
        targets=tuple(chosen.values()),
        resolvers=catalog.resolvers,
        controls=controls,
        timeout=timeout,
        routes=distinct,
        direct=direct,
        ways=ways and direct,
        exits=exits and direct,
    )


def with_vpn(plan: Plan, vpn: VpnPlan) -> Plan:
    """Return a plan that also does ``vpn``; a profile that is given twice is tested once."""
    profiles = tuple({profile.id: profile for profile in vpn.profiles}.values())
    return msgspec.structs.replace(plan, vpn=msgspec.structs.replace(vpn, profiles=profiles))


def _service(name: str, catalog: Catalog) -> Service:
    found = catalog.services.get(catalog.aliases.get(name, name))
    if found is None:
        alike = difflib.get_close_matches(name[:LONGEST_SHOWN], [*catalog.services, *catalog.aliases], n=1)
        close = catalog.aliases.get(alike[0], alike[0]) if alike else ""
        raise InputError("error.unknown_target", name=typed_text(name), known=", ".join(catalog.services), close=close)
    return found


def typed_text(text: str) -> str:
    """Return a typed text as a sentence may repeat it: short, and without what may be a user name and a password."""
    shown = _SIGNED_IN.sub("…@", text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"


def site_of(text: str) -> Service:
    """Return a typed address as a target; without a scheme it means https.

    Raises InputError for anything that is not an http(s) URL with a host name or address, and for one with a password in it,
    which is not repeated.
    """
    error = InputError("error.bad_url", url=typed_text(text))
    typed = text.strip()
    if not typed or len(typed) > MAX_URL or not typed.isprintable() or any(c.isspace() for c in typed):
        raise error
    if "://" not in typed:
        typed = f"https://{typed}"
    try:
        parts = urlsplit(typed)
        port = parts.port
    except ValueError:
        raise error from None
    if parts.scheme.lower() not in ("http", "https") or port == 0:
        raise error
    if "@" in parts.netloc:
        raise InputError("error.url_secret")
    host = ascii_host(parts.hostname or "")
    if host is None:
        raise error
    scheme = parts.scheme.lower()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    path = "".join(c if c.isascii() and c not in QUOTES else "".join(f"%{byte:02X}" for byte in c.encode()) for c in path)
    usual = {"https": 443, "http": 80}[scheme]
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}{f':{port}' if port and port != usual else ''}{path}"
    endpoint = Endpoint(host=host, port=port or usual, probe=Probe(scheme), path=path, source="typed", checked=True)
    function = Function(id="web", core=True, endpoints=(endpoint,))
    shown = (parts.hostname or host) if host == LOOPBACK else host
    return Service(id=url, name={"es": shown, "en": shown}, kind="url", functions=(function,))


def ascii_host(host: str) -> str | None:
    """Return a host as it goes on the wire (IDNA names in ASCII, addresses as they are), or None for no host at all."""
    if ":" in host:  # only an IPv6 literal may have one; urlsplit took the brackets away
        return host if is_address(host) else None
    try:
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if is_address(name):
        return name
    if name == LOCALHOST:
        return LOOPBACK
    labels = name.split(".")
    well_formed = all(label and len(label) <= MAX_LABEL and label.strip("-") == label for label in labels)
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    if not name or len(name) > MAX_NAME or not well_formed or not set(name) <= allowed:
        return None
    if labels[-1].isdigit():
        return None  # 1.2.3 or 999.1.1.1: an address with a mistake, never a name
    return name if len(labels) > 1 else None
