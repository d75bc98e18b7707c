"""VPNs that are made up: for pictures of the screens and for the window's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app import samples
from diagnostics.events import RunDone
from diagnostics.model import (
    OUTSIDE,
    Cause,
    Certainty,
    NetworkVerdict,
    Observation,
    Report,
    RouteVerdict,
    Status,
    Step,
    Verdict,
    VpnCheck,
    VpnVerdict,
)
from ui.vpn_backend import ProfileRead, ProfileRow, Said, WatchMoment

if TYPE_CHECKING:
    from app.shots import SampleBackend, Walk
    from ui.flow import Window

NONE: Final = VpnVerdict(state="none")
FULL: Final = VpnVerdict(
    state="full",
    clients=("Proton VPN",),
    checks=(
        VpnCheck(check="route", status=Status.WORKS, certainty=Certainty.CERTAIN, rule="vpn.carries_everything"),
        VpnCheck(check="ipv6", status=Status.PARTIAL, cause=Cause.VPN_IPV6_OUTSIDE, certainty=Certainty.LIKELY, rule="vpn.sample"),
        VpnCheck(check="names", status=Status.WORKS, certainty=Certainty.LIKELY, rule="vpn.names_inside"),
        VpnCheck(check="udp", status=Status.WORKS, certainty=Certainty.CERTAIN, rule="vpn.udp_with_exit"),
        VpnCheck(check="mtu", status=Status.UNKNOWN, rule="vpn.mtu_unclear"),
        VpnCheck(check="speed", status=Status.NOT_TESTED, rule="vpn.speed_not_asked"),
    ),
)
STATES: Final[dict[str, VpnVerdict]] = {
    "none": NONE,
    "full": FULL,
    "split": VpnVerdict(state="split", clients=("OpenVPN",), checks=FULL.checks[1:3]),
    "mesh": VpnVerdict(state="mesh", clients=("Tailscale",)),
    "browser_only": VpnVerdict(state="browser_only", clients=("Psiphon",)),
    "stale": VpnVerdict(state="stale", clients=("Proton VPN",)),
    "unknown": VpnVerdict(),
}
"""One of each state."""

LEFT_BLOCK: Final = VpnVerdict(
    state="stale",
    clients=("Proton VPN",),
    checks=(
        VpnCheck(
            check="left_over", status=Status.DOWN, cause=Cause.VPN_KILL_SWITCH_ACTIVE, certainty=Certainty.CERTAIN, rule="vpn.block_is_left"
        ),
    ),
)
"""What a VPN left behind lets nothing out."""

WIREGUARD: Final = ProfileRow(
    id="wireguard-1a2b", kind="wireguard", name="casa", one_at_a_time=True, notes=(Said(text="vpn.profile.scripts"),)
)
OPENVPN: Final = ProfileRow(id="openvpn-3c4d", kind="openvpn", name="trabajo", can_login=True, asks_login=True)


def with_vpn(report: Report, vpn: VpnVerdict) -> Report:
    """Return a report that was measured with this VPN."""
    return msgspec.structs.replace(report, network=msgspec.structs.replace(report.network, vpn=vpn))


def checked(vpn: VpnVerdict = FULL) -> Report:
    """Return the report of a check of the VPN."""
    return with_vpn(samples.all_works(), vpn)


def examined(status: Status = Status.PARTIAL) -> Report:
    """Return the report of the exam of the kill switch."""
    check = VpnCheck(check="kill_switch", status=status, certainty=Certainty.CERTAIN, rule="vpn.sample")
    return checked(msgspec.structs.replace(FULL, checks=(*FULL.checks, check)))


def compared() -> Report:
    """Return a report with and without the VPN: X opens only with it."""
    base = checked()
    beside = {"x": Status.BLOCKED, "whatsapp": Status.WORKS, "telegram": Status.WORKS, "signal": Status.UNKNOWN}
    verdicts = [Verdict(target=target, route=OUTSIDE, status=status, rule="sample.outside") for target, status in beside.items()]
    route = RouteVerdict(id=OUTSIDE, kind=OUTSIDE, status=Status.WORKS, certainty=Certainty.CERTAIN)
    return msgspec.structs.replace(base, verdicts=(*base.verdicts, *verdicts), routes=(*base.routes, route))


def profile_report(row: ProfileRow = WIREGUARD, *, works: bool = True, cut: bool = False) -> Report:
    """Return the report of a profile's test: one that works, one whose server stays silent, or one that is ``cut`` on the way."""
    steps: list[tuple[str, float, str | None, dict[str, Any]]] = [("name", 0.03, None, {"public": 1, "bogons": 0})]
    if works:
        steps += [("handshake", 0.12, None, {"tries": 1, "answer": "response"}), ("keys", 0.0, None, {}), ("data", 0.2, None, {})]
        steps += [("dns", 0.1, None, {}), ("mtu", 0.4, None, {"passed": [576, 1280], "lost": [1400]})]
    else:
        steps += [("handshake", 4.5, "generic_timeout_error", {"tries": 3}), ("alive", 0.1, None, {"signs": []})]
    observations = [
        Observation(
            id=f"p{n}", step=Step.VPN, route=row.id, seconds=took, failure=failure, detail={"stage": stage, "by": "direct", **detail}
        )
        for n, (stage, took, failure, detail) in enumerate(steps)
    ]
    status, rule = (Status.WORKS, "vpn.carries_pages") if works else (Status.UNKNOWN, "vpn.silent")
    route = RouteVerdict(id=row.id, kind=row.kind, status=status, certainty=Certainty.CERTAIN, rule=rule)
    if cut:
        blocked = {"status": Status.BLOCKED, "cause": Cause.VPN_HANDSHAKE_BLOCKED, "rule": "vpn.answers_elsewhere"}
        route = msgspec.structs.replace(route, **blocked)
    outcomes = {"x": Status.WORKS, "whatsapp": Status.WORKS, "telegram": Status.BLOCKED}
    verdicts = [Verdict(target=target, route=row.id, status=status) for target, status in outcomes.items()] if works else []
    base = samples.x_blocked()
    return msgspec.structs.replace(
        base,
        network=NetworkVerdict(status=Status.WORKS, vpn=NONE),
        routes=(*base.routes, route),
        verdicts=tuple(verdicts),
        observations=(base.observations[0], *observations),
    )


class SampleVpn:
    """A :class:`ui.vpn_backend.Vpn` without a computer."""

    def __init__(self) -> None:
        """Have no VPN, know one profile, watch nothing."""
        self.state: VpnVerdict | None = NONE
        self.row: ProfileRow | None = WIREGUARD
        self.sources: list[Path | str] = []
        self.tell: Callable[[WatchMoment], None] | None = None
        self.done: Callable[[Said | None], None] | None = None
        self.stopped = 0

    def look(self, done: Callable[[VpnVerdict | None], None]) -> None:
        """Tell what was laid out."""
        done(self.state)

    def read(self, source: Path | str, done: Callable[[ProfileRead], None]) -> None:
        """Tell of the profile that was laid out, at once; without one, that there is none."""
        self.sources.append(source)
        done(ProfileRead(row=self.row, problem=None if self.row is not None else Said(text="vpn.failed")))

    def watch(self, tell: Callable[[WatchMoment], None], done: Callable[[Said | None], None]) -> None:
        """Wait for what a test tells."""
        self.tell, self.done = tell, done

    def stop_watch(self) -> None:
        """Count."""
        self.stopped += 1


# --- pictures -------------------------------------------------------------------------------------


def _state(name: str) -> Walk:
    def walk(window: Window, backend: SampleBackend) -> None:
        backend.tunnels.state = STATES[name]
        window.press("rail.proxies")
        window.press("proxies.vpn.open")

    return walk


def _unfolded(window: Window, backend: SampleBackend) -> None:
    _state("full")(window, backend)
    for report, button in ((checked(), "vpn.go"), (examined(), "vpn.kill.go"), (compared(), "vpn.outside.go")):
        window.press(button)
        backend.play([RunDone(report=report)])
    for fold in ("profile", "outside", "kill", "watch"):
        window.press(f"vpn.{fold}.fold")


def _checking(window: Window, backend: SampleBackend) -> None:
    _state("full")(window, backend)
    window.press("vpn.go")


def _profile(window: Window, backend: SampleBackend) -> None:
    window.press("rail.proxies")
    window.press("proxies.test.profile")
    window.screens.vpn_profile.read("[Interface]")


def _no_profile(window: Window, _backend: SampleBackend) -> None:
    window.press("rail.proxies")
    window.press("proxies.test.profile")


def _login(window: Window, backend: SampleBackend) -> None:
    backend.tunnels.row = OPENVPN
    _profile(window, backend)
    window.press("vpn_profile.login")


def _tested(window: Window, backend: SampleBackend) -> None:
    _profile(window, backend)
    window.press("vpn_profile.go")
    backend.play([RunDone(report=profile_report())])


def _silent(window: Window, backend: SampleBackend) -> None:
    _profile(window, backend)
    window.press("vpn_profile.go")
    backend.play([RunDone(report=profile_report(works=False))])


def _cut(window: Window, backend: SampleBackend) -> None:
    _profile(window, backend)
    window.press("vpn_profile.go")
    backend.play([RunDone(report=profile_report(works=False, cut=True))])


def _cut_todo(window: Window, backend: SampleBackend) -> None:
    _cut(window, backend)
    window.press("vpn_profile.advice")


def _found(window: Window, backend: SampleBackend) -> None:
    _state("full")(window, backend)
    window.press("vpn.go")
    backend.play([RunDone(report=checked())])


def _found_todo(window: Window, backend: SampleBackend) -> None:
    _found(window, backend)
    window.press("vpn.advice")


def _found_save(window: Window, backend: SampleBackend) -> None:
    _found(window, backend)
    window.press("vpn.save")


def _unwatched(window: Window, backend: SampleBackend) -> None:
    _state("full")(window, backend)
    window.press("vpn.watch.fold")
    window.press("vpn.watch.open")


def _watched(window: Window, backend: SampleBackend) -> None:
    _watching(window, backend)
    window.press("vpn_watch.go")


def _watching(window: Window, backend: SampleBackend) -> None:
    _state("full")(window, backend)
    window.press("vpn.watch.fold")
    window.press("vpn.watch.open")
    window.press("vpn_watch.go")
    if backend.tunnels.tell is not None:
        for moment in (WatchMoment(seconds=0, inside=True), WatchMoment(seconds=12, inside=False), WatchMoment(seconds=31, inside=True)):
            backend.tunnels.tell(moment)
    window.screens.vpn_watch.timer.stop()


def _result(window: Window, backend: SampleBackend) -> None:
    window.start([service.id for service in backend.services()], [])
    backend.play()


def _home(_window: Window, _backend: SampleBackend) -> None:
    _window.vpn.learn(checked())


VPN_WALKS: Final[tuple[tuple[str, Report, Walk], ...]] = (
    *((f"vpn-{name.replace('_', '-')}", samples.all_works(), _state(name)) for name in STATES),
    ("vpn-checked", checked(), _unfolded),
    ("vpn-checking", checked(), _checking),
    ("vpn-found", checked(), _found),
    ("vpn-todo", checked(), _found_todo),
    ("vpn-save", checked(), _found_save),
    ("vpn_profile-cut", profile_report(works=False, cut=True), _cut),
    ("vpn_profile-todo", profile_report(works=False, cut=True), _cut_todo),
    ("vpn_watch-ready", samples.all_works(), _unwatched),
    ("vpn_watch-ended", samples.all_works(), _watched),
    ("vpn_profile-none", samples.all_works(), _no_profile),
    ("vpn_profile-read", samples.all_works(), _profile),
    ("vpn_profile-login", samples.all_works(), _login),
    ("vpn_profile-works", profile_report(), _tested),
    ("vpn_profile-silent", profile_report(works=False), _silent),
    ("vpn_watch", samples.all_works(), _watching),
    ("result-vpn", with_vpn(samples.mixed(), FULL), _result),
    ("fail-vpn_block", with_vpn(samples.faulty(Cause.NO_INTERNET), LEFT_BLOCK), _result),
    ("home-vpn", checked(), _home),
)
"""Pictures of everything about VPNs: name, report, and how to get there."""
