"""What the window asks about VPNs; the real thing is ``app/vpn_shelf.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from app.texts import t
from diagnostics.model import VpnVerdict


class VpnWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a run about VPNs is to do.  Without a profile it looks at the VPN that is on.

    ``profile``: the id of a profile that was opened; ``targets``: services to be tried through it, or beside the VPN.
    ``login``: log in, too, with ``user`` and ``password`` where the profile asks for them (never kept).  ``in_use``: the profile may be
    connected now, so only greet; ``not_in_use``: the person was asked while another VPN was on, and said that this one is not.
    ``proxies``: kept ones through which a server that keeps silent is greeted, too.
    ``outside``: test the targets beside the VPN as well.  ``kill_switch``: try on purpose to get out beside it.
    """

    profile: str | None = None
    targets: tuple[str, ...] = ()
    login: bool = False
    user: str = ""
    password: str = ""
    in_use: bool = False
    not_in_use: bool = False
    proxies: tuple[str, ...] = ()
    outside: bool = False
    kill_switch: bool = False

    def __repr__(self) -> str:
        """Show what is wanted without who logs in."""
        return f"<VpnWanted {self.profile or 'the VPN that is on'} outside={self.outside} kill_switch={self.kill_switch}>"

    __str__ = __repr__


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence by the id of its text and its values: it follows the language of the window."""

    text: str
    values: Mapping[str, object] = {}

    def words(self) -> str:
        """Return the sentence in the language that is spoken now."""
        return t(self.text, **self.values)


class ProfileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A profile that was opened.  ``id`` is how reports call it; ``kind`` what it speaks (wireguard, openvpn, …); no secret.

    ``name`` is what its file is called: for this computer's own screen, never for a report.  ``notes`` are sentences worth reading first:
    scripts that are not run, options that are left out.  ``in_use``: this computer's own VPN uses it now; ``may_be_in_use``: a VPN that
    is on here may be this one.  ``one_at_a_time``: a second connection with the same keys takes the way of the first.  ``can_login``:
    there is a login that may end another one; ``asks_login``: it needs a name and a password that the profile does not hold.
    """

    id: str
    kind: str
    name: str = ""
    notes: tuple[Said, ...] = ()
    in_use: bool = False
    may_be_in_use: bool = False
    one_at_a_time: bool = False
    can_login: bool = False
    asks_login: bool = False


class ProfileRead(msgspec.Struct, frozen=True, kw_only=True):
    """What a file or a text turned out to be: a profile, or the sentence that says why it is none."""

    row: ProfileRow | None = None
    problem: Said | None = None


class WatchMoment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that changed while the VPN was watched.

    ``seconds`` since the watching began; ``inside``: whether nothing that is watched goes beside the VPN from then on; ``what`` left it
    or came back: ``all``, ``ipv6``, ``names``; or ``cut`` (nothing gets out any more), ``none`` (no VPN is on), ``gone`` (its adapter
    disappeared), ``gap`` (this computer slept), or what a newer engine calls it.
    """

    seconds: float
    inside: bool
    what: str = "all"


class Vpn(Protocol):
    """The VPN of this computer and the person's profiles.  Everything is called from the window's thread and returns at once."""

    def look(self, done: Callable[[VpnVerdict | None], None]) -> None:
        """Find out without a single packet which VPN is on, and call ``done`` later; with None on a simulated network.

        What could not be found out is ``unknown``: what was held before is not true of now.
        """
        ...

    def read(self, source: Path | str, done: Callable[[ProfileRead], None]) -> None:
        """Read the profile in a file or a text and call ``done`` later; it is remembered until the window closes, and never written."""
        ...

    def watch(self, tell: Callable[[WatchMoment], None], done: Callable[[Said | None], None]) -> None:
        """Look once a second where traffic would go; ``tell`` what changes, the first state at once.

        ``done`` comes at the end, with the sentence of an error or nothing.
        """
        ...

    def stop_watch(self) -> None:
        """End the watching."""
        ...
