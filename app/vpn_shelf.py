"""VPNs as the window sees them (``ui/vpn_backend.py``): looking, reading profiles, watching, and planning runs about them.

Profiles are held in memory until the window closes; nothing of them is written anywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from PySide6.QtCore import QObject, Qt, Signal

from app.proxy_shelf import Works
from app.vpn_moments import moment_of
from diagnostics.errors import InputError
from diagnostics.model import NetworkVerdict, Observation, Step, VpnVerdict
from diagnostics.vpn.profile import ONE_AT_A_TIME, Profile
from ui.vpn_backend import ProfileRead, ProfileRow, Said, VpnWanted, WatchMoment

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog
    from diagnostics.plan import Plan
    from diagnostics.routes.link import Link
    from diagnostics.vpn.watch import Moment

log = logging.getLogger("atajo.vpn_shelf")

WATCH_SECONDS: Final = 600.0
"""How long a watch lasts at most: somebody who forgot it does not leave it running."""

MOST_LENT: Final = 4
"""Proxies through which a silent server is greeted: no more are tried (``diagnostics/vpn/by_proxy.py``)."""

MOST_PROFILES: Final = 20
"""Profiles that are held at once; the one that was read first is forgotten first."""


class VpnJob(msgspec.Struct, frozen=True, kw_only=True):
    """A run about VPNs: what is wanted, the profile with its keys, and where its proxies come from, which may take a while."""

    wanted: VpnWanted
    profile: Profile | None = None
    links: Callable[[], list[Link]] = list
    simulated: bool = False

    def __repr__(self) -> str:
        """Show what is wanted; the profile has its own way of hiding."""
        return repr(self.wanted)

    async def plan(self, catalog: Catalog) -> Plan:
        """Return the plan of the run.  Raises InputError."""
        from app.line_memory import load
        from diagnostics.daemon import daemon_call
        from diagnostics.judge.vpn_evidence import PAGELESS
        from diagnostics.plan import VpnPlan, make_plan, with_vpn
        from diagnostics.vpn.lending import can_lend
        from diagnostics.vpn.profile import Consent

        wanted = self.wanted
        if wanted.profile is not None and self.profile is None:
            raise InputError("vpn.forgotten")
        plan = make_plan(wanted.targets, [], catalog, direct=self.profile is None)
        profile = self.profile
        if not wanted.targets or (profile is not None and profile.protocol in PAGELESS):
            plan = msgspec.structs.replace(plan, targets=())  # as in the terminal: no service is tested unless it was asked for
        if profile is None:
            protection = not (wanted.outside or wanted.kill_switch)
            asked = VpnPlan(protection=protection, outside=wanted.outside, kill_switch=wanted.kill_switch)
            memory = await daemon_call(load) if protection else asked.memory
            return with_vpn(plan, msgspec.structs.replace(asked, memory=memory))
        if wanted.login and wanted.user:
            profile = _signed_in(profile, wanted)
        in_use, doubt = await _use_of(profile, simulated=self.simulated)
        in_use = in_use or wanted.in_use
        doubt = doubt and not in_use and not wanted.not_in_use
        consent = Consent(login=wanted.login, data=not in_use, in_use=in_use, doubt=doubt)
        links = await daemon_call(self.links) if wanted.proxies else []
        lent = tuple(link for link in links if can_lend(link.kind, profile.protocol))[:MOST_LENT]
        return with_vpn(plan, VpnPlan(profiles=(profile,), consent=consent, lent=lent))


async def _use_of(profile: Profile, *, simulated: bool) -> tuple[bool, bool]:
    """Return whether this computer's own VPN uses a profile, and whether that is in doubt; on a simulated network no tunnel can suffer."""
    from diagnostics.vpn.in_use import is_in_use, may_be_in_use

    in_use = await is_in_use([profile])
    return in_use, not in_use and not simulated and await may_be_in_use([profile])


def _signed_in(profile: Profile, wanted: VpnWanted) -> Profile:
    """Return a profile with the name and the password that were typed, for this run alone.  Raises InputError."""
    from diagnostics.vpn.openvpn.profile import OpenVpnProfile, with_login

    return with_login(profile, wanted.user, wanted.password) if isinstance(profile, OpenVpnProfile) else profile


class VpnShelf(QObject):
    """The real :class:`ui.vpn_backend.Vpn`."""

    _changed = Signal(int, object)

    def __init__(self, worker: Works, *, simulated: bool = False) -> None:
        """Let ``worker`` do what may take a while; on a ``simulated`` network nothing is said of this computer's own VPN."""
        super().__init__()
        self._worker = worker
        self._simulated = simulated
        self._profiles: dict[str, Profile] = {}
        self._tell: Callable[[WatchMoment], None] | None = None
        self._watch: _Watch | None = None
        self._watches = 0
        self._changed.connect(self._told, Qt.ConnectionType.QueuedConnection)

    # --- looking and reading ---

    def look(self, done: Callable[[VpnVerdict | None], None]) -> None:
        """Find out which VPN is on, without a packet."""
        if self._simulated:
            done(None)
            return
        self._worker.work(look_now, lambda result, _error: done(result if isinstance(result, VpnVerdict) else VpnVerdict()))

    def read(self, source: Path | str, done: Callable[[ProfileRead], None]) -> None:
        """Read a profile, away from the window."""

        def finished(result: object, error: BaseException | None) -> None:
            if isinstance(result, _Read):
                self._profiles.pop(result.profile.id, None)
                self._profiles[result.profile.id] = result.profile
                while len(self._profiles) > MOST_PROFILES:
                    del self._profiles[next(iter(self._profiles))]
                done(ProfileRead(row=row_of(result)))
            else:
                done(ProfileRead(problem=_said(error)))

        self._worker.work(lambda: _open(source, simulated=self._simulated), finished)

    def job(self, wanted: VpnWanted, links: Callable[[], list[Link]] = list) -> VpnJob:
        """Return what a run needs; the plan is made in its own thread, where ``links`` gives the proxies that are wanted.

        A profile that was forgotten is none that can be tested.
        """
        return VpnJob(wanted=wanted, profile=self._profiles.get(wanted.profile or ""), links=links, simulated=self._simulated)

    def forget(self) -> None:
        """Forget every profile, and end the watching: the window closes."""
        self._profiles.clear()
        self.stop_watch()

    # --- watching ---

    def watch(self, tell: Callable[[WatchMoment], None], done: Callable[[Said | None], None]) -> None:
        """Watch until it is stopped, at most ``WATCH_SECONDS``."""
        self.stop_watch()
        self._watches += 1
        number, self._tell = self._watches, tell
        watch = self._watch = _Watch(lambda moment: self._changed.emit(number, moment))

        def finished(_result: object, error: BaseException | None) -> None:
            if number == self._watches:
                self._tell = self._watch = None
                done(_said(error) if error is not None else None)

        self._worker.work(watch.run, finished)

    def stop_watch(self) -> None:
        """End the watching; what it tells from now on is not heard."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = self._tell = None
            self._watches += 1

    def _told(self, number: int, moment: WatchMoment) -> None:
        if number == self._watches and self._tell is not None:
            self._tell(moment)


class _Read(msgspec.Struct, frozen=True):
    """A profile, and whether this computer's own VPN uses it now, or may."""

    profile: Profile
    in_use: bool
    may_be_in_use: bool
    file: str = ""
    """What the file is called that it was read from, without its ending; it stays on this computer."""


def row_of(read: _Read) -> ProfileRow:
    """Return a profile as the window shows it."""
    profile = read.profile
    openvpn = profile.protocol == "openvpn"
    return ProfileRow(
        id=profile.id,
        kind=str(profile.protocol),
        name=profile.name or read.file,
        notes=tuple(Said(text=note.text, values=note.values) for note in profile.notes),
        in_use=read.in_use,
        may_be_in_use=read.may_be_in_use,
        one_at_a_time=profile.protocol in ONE_AT_A_TIME,
        can_login=openvpn,
        asks_login=openvpn and bool(getattr(profile, "asks_login", False)),
    )


def _open(source: Path | str, *, simulated: bool) -> _Read:
    """Read a profile and look whether it is in use.  Raises InputError."""
    from diagnostics.vpn.profile import open_profile, read_profile

    profile = open_profile(source) if isinstance(source, Path) else read_profile(source)
    return _Read(profile, *asyncio.run(_use_of(profile, simulated=simulated)), file=source.stem if isinstance(source, Path) else "")


def _said(error: BaseException | None) -> Said:
    """Return what is said of an error; a defect of ours is logged by its kind alone, since its message may repeat a key."""
    if isinstance(error, InputError):
        return Said(text=error.text, values=error.values)
    log.warning("vpn: %s", type(error).__name__)
    return Said(text="vpn.failed")


def look_now() -> VpnVerdict:
    """Return what the set-up of this computer says of its VPN; sends nothing."""
    return asyncio.run(_look())


async def _look() -> VpnVerdict:
    from diagnostics.judge.evidence import Evidence
    from diagnostics.judge.vpn_state import judge_vpn_state
    from diagnostics.vpn.state.reading import read_vpn_facts

    facts = msgspec.to_builtins(await read_vpn_facts())
    note = Observation(id="o1", step=Step.SYSTEM, detail={"kind": "vpn", **facts})
    return judge_vpn_state(Evidence([note]), NetworkVerdict())


class _Watch:
    """One watch: a loop of its own in the worker's thread, which can be stopped from the window's."""

    def __init__(self, tell: Callable[[WatchMoment], None]) -> None:
        self._tell = tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._heard: list[Moment] = []
        self._inside: dict[str, bool] = {}

    def run(self) -> None:
        """Watch; blocking.  Raises OSError."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End it soon; from any thread."""
        self._stopped = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with suppress(RuntimeError):  # it has ended by itself, and its loop is closed
                loop.call_soon_threadsafe(task.cancel)

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stopped:
            return
        from diagnostics.network import RealNetwork
        from diagnostics.trust import Trust
        from diagnostics.vpn.watch import watch

        with suppress(asyncio.CancelledError):  # the person stopped it: what was seen has been told
            await watch(RealNetwork(Trust()), WATCH_SECONDS, self._hear)

    def _hear(self, moment: Moment) -> None:
        """Gather what one look found: it is told as one moment."""
        if not self._heard and self._loop is not None:
            self._loop.call_soon(self._pass_on)
        self._heard.append(moment)

    def _pass_on(self) -> None:
        heard, self._heard = self._heard, []
        self._tell(moment_of(heard, self._inside))
