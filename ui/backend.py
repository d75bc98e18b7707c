"""What the window asks of the rest of the program, and nothing more.

The window never sees the engine, a file or a socket: it talks to an object that fits :class:`Backend`.  The real one is
``app/backend.py``; tests use one that plays recorded events.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from diagnostics.events import Event
from diagnostics.model import Report, Service
from ui.data_backend import Data
from ui.proxy_backend import Proxies
from ui.vpn_backend import Vpn, VpnWanted

Arrived = Callable[[int, tuple[Event, ...]], None]
"""Takes the number of a run and its latest events."""

Failed = Callable[[int, str], None]
"""Takes the number of a run and the sentence that says why it ended; empty for a defect of ours."""


class SaveKind(enum.StrEnum):
    """What a saved report is for."""

    PAGE = "page"  # HTML: people read it
    PAPER = "paper"  # PDF: people read and print it
    SUPPORT = "support"  # ZIP: everything that a help line needs
    DATA = "data"  # JSON: programs read it


class UrlCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a page that was typed can be tested: its full address, or the sentence that says why not."""

    url: str = ""
    problem: str = ""


class SitesRead(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of a list that was pasted or opened, and the sentences about what was left out or not understood."""

    urls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report was written and how many private items were left out of it, or the sentence that says why it was not written."""

    folder: str = ""
    file: str = ""
    removed: int = 0
    problem: str = ""


class SaveChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose about a report that is handed on.

    ``hide_sites``: the sites that they typed are not named; ``exact_time``: the time of day stays; ``key``: the public key for which a
    file for support is encrypted, empty for none.
    """

    hide_sites: bool = False
    exact_time: bool = False
    key: str = ""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A report as whoever gets it will see it: as plain HTML without anything to load, and a line for each kind of thing left out.

    ``code`` is what the report is called over the telephone, empty for one without an id.
    """

    page: str = ""
    code: str = ""
    removed: int = 0
    lines: tuple[str, ...] = ()


class AdviceSteps(msgspec.Struct, frozen=True, kw_only=True):
    """A tip's steps on one platform, with its name in the person's language; ``here``: they can be followed on this computer."""

    platform: str
    name: str
    steps: tuple[str, ...]
    here: bool = False


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One tip in the person's language.

    ``general``: it could not be tested from here.  ``proved``: the sentence that says what it brought in this run.  ``steps`` are
    those for this computer, or the first of ``platforms``.  ``dated``: when its source was read; ``verified``: somebody walked
    through its steps; ``expired``: it is older than it should be.
    """

    id: str
    say: str
    why: str
    steps: tuple[str, ...]
    caution: str
    general: bool = True
    proved: str = ""
    platforms: tuple[AdviceSteps, ...] = ()
    source: str = ""
    dated: str = ""
    verified: bool = False
    expired: bool = False


class Preferences(Protocol):
    """What is remembered between two starts."""

    @property
    def spoken(self) -> str:
        """Return the language: es or en."""
        ...

    @property
    def theme(self) -> str:
        """Return system, light, dark or contrast."""
        ...

    @property
    def text_size(self) -> int:
        """Return the text size in percent."""
        ...

    @property
    def welcomed(self) -> bool:
        """Tell whether the person has read what the tests reveal."""
        ...

    @property
    def targets(self) -> tuple[str, ...] | None:
        """Return the ids of the services that were ticked last, or None for the usual ones."""
        ...

    @property
    def through_proxies(self) -> bool:
        """Tell whether the services are tested through the person's proxies as well."""
        ...

    @property
    def ways(self) -> bool:
        """Tell whether ways round are tried for what is blocked."""
        ...

    @property
    def ways_out(self) -> bool:
        """Tell whether it is also tried if ways out can be reached."""
        ...


class Backend(Protocol):
    """The rest of the program.  Everything is called from the window's thread and returns at once."""

    def listen(self, arrived: Arrived, failed: Failed) -> None:
        """Tell what a run tells, in the window's thread: its events, or that it ended without a report."""
        ...

    @property
    def simulated(self) -> str | None:
        """Return the scenario's id when the window stands on a simulated network."""
        ...

    @property
    def preferences(self) -> Preferences:
        """Return what is remembered."""
        ...

    def change(self, **changes: object) -> None:
        """Remember other preferences; language and look must already be applied by the caller."""
        ...

    def open(self) -> None:
        """Begin what can wait until the window is up."""
        ...

    def services(self) -> Sequence[Service]:
        """Return the services that can be tested, in the order in which they are shown."""
        ...

    def default_targets(self) -> Sequence[str]:
        """Return the ids of the services that are ticked at first."""
        ...

    def check_url(self, text: str) -> UrlCheck:
        """Tell whether a typed page can be tested."""
        ...

    def read_sites(self, source: Path | str, done: Callable[[SitesRead], None]) -> None:
        """Read a list of pages from a file or out of a text and call ``done`` later, whatever was in it."""
        ...

    @property
    def proxies(self) -> Proxies:
        """Return the person's own proxies."""
        ...

    @property
    def data(self) -> Data:
        """Return the data that Atajo knows, and the way to newer data."""
        ...

    def start(self, targets: Sequence[str], urls: Sequence[str], proxies: Sequence[str] = ()) -> int:
        """Begin a run, also over the kept ``proxies``, and return its number; it tells of itself to whoever listens."""
        ...

    @property
    def vpn(self) -> Vpn:
        """Return this computer's VPN and the person's profiles."""
        ...

    def start_vpn(self, wanted: VpnWanted) -> int:
        """Begin a run about VPNs and return its number; it tells of itself as every run does."""
        ...

    def cancel(self) -> None:
        """End the run; what it knows comes as its report."""
        ...

    def tips(self, report: Report, target: str | None) -> Sequence[Advice]:
        """Return the advice for one target, or for the line when ``target`` is None; best first."""
        ...

    def vpn_tips(self, report: Report) -> Sequence[Advice]:
        """Return the advice for the VPN or the profile that a report is about; best first."""
        ...

    def tip_text(self, advice: Advice, platform: str) -> str:
        """Return a tip as plain text of at most 900 characters, for a chat or a phone, with the steps for one kind of device."""
        ...

    def save_folder(self) -> str:
        """Return the folder that is offered for saved reports."""
        ...

    def preview(self, report: Report, choices: SaveChoices, done: Callable[[Preview | None], None]) -> None:
        """Draw a report as it would be saved and call ``done`` later, with None when it could not be drawn."""
        ...

    def save(self, report: Report, folder: str, kind: SaveKind, choices: SaveChoices, done: Callable[[Saved | None], None]) -> None:
        """Write a report without private items and call ``done`` later, with None when it could not be written."""
        ...

    def show(self, address: str) -> None:
        """Open a folder or a page with this computer's own program for it."""
        ...

    def close(self) -> None:
        """End the run and everything else that is under way."""
        ...
