"""What stands behind the window: settings, catalog, engine thread, tips and saved reports (``ui/backend.py``)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from app import __version__
from app.engine_thread import EngineThread, Measuring, Tell
from app.paths import save_folder
from app.settings import Settings, SettingsStore
from app.texts import language, t
from diagnostics.errors import InputError
from diagnostics.model import Fact, Report, Service
from ui.backend import Advice, Arrived, Failed, Preview, SaveChoices, Saved, SaveKind, SitesRead, UrlCheck
from ui.vpn_backend import VpnWanted

if TYPE_CHECKING:
    from app.data_shelf import DataShelf
    from app.data_store import DataStore
    from app.proxy_shelf import ProxyShelf
    from app.vpn_shelf import VpnJob, VpnShelf
    from diagnostics.catalog import Catalog
    from diagnostics.plan import Plan
    from diagnostics.routes.link import Link
    from diagnostics.sim.scenario import Scenario

log = logging.getLogger("atajo.backend")


class AppBackend(QObject):
    """The real :class:`ui.backend.Backend`."""

    arrived = Signal(int, tuple)
    failed = Signal(int, str)

    def __init__(self, store: SettingsStore, scenario: Scenario | None = None) -> None:
        """Stand on the real network, or on the simulated one of ``scenario``."""
        super().__init__()
        self._store = store
        self._scenario = scenario
        self._catalog: Catalog | None = None
        self._engine = EngineThread(self)
        self._engine.arrived.connect(self.arrived)
        self._engine.failed.connect(self._run_failed)
        self._shelf: ProxyShelf | None = None
        self._vpn: VpnShelf | None = None
        self._data: DataShelf | None = None
        self._data_store: DataStore | None = None
        self._ways: dict[str, Fact] = {}
        """The proxies and profiles of this session's runs: nothing that a server says of them is handed on."""

    def listen(self, arrived: Arrived, failed: Failed) -> None:
        """Connect the window."""
        self.arrived.connect(arrived)
        self.failed.connect(failed)

    # --- what is remembered and known ---

    @property
    def simulated(self) -> str | None:
        """Return the scenario's id."""
        return self._scenario.id if self._scenario is not None else None

    @property
    def preferences(self) -> Settings:
        """Return the settings."""
        return self._store.current

    def change(self, **changes: object) -> None:
        """Remember other settings."""
        self._store.change(**changes)

    @property
    def catalog(self) -> Catalog:
        """Return the services, read when they are first asked for.  Raises InputError when our own data is damaged."""
        if self._catalog is None:
            from diagnostics.catalog import load_catalog

            self.newest_data.activate()
            self._catalog = load_catalog()
        return self._catalog

    @property
    def newest_data(self) -> DataStore:
        """Return what is known of newer data; the window's first picture needs none of it."""
        if self._data_store is None:
            from app.data_store import DataStore

            self._data_store = DataStore(shipped_only=self._scenario is not None)
        return self._data_store

    @property
    def data(self) -> DataShelf:
        """Return the data in use, and the way to newer data."""
        if self._data is None:
            from app.data_shelf import DataShelf

            self._data = DataShelf(self._engine, self.newest_data, simulated=self._scenario is not None)
        return self._data

    def services(self) -> Sequence[Service]:
        """Return the services, the usual ones first."""
        first = self.default_targets()
        known = self.catalog.services
        return [*(known[target] for target in first if target in known), *(s for s in known.values() if s.id not in first)]

    def default_targets(self) -> Sequence[str]:
        """Return the services that are ticked at first."""
        from diagnostics.plan import DEFAULT_TARGETS

        return DEFAULT_TARGETS

    def check_url(self, text: str) -> UrlCheck:
        """Tell whether a typed page can be tested."""
        from diagnostics.plan import site_of

        try:
            return UrlCheck(url=site_of(text).id)
        except InputError as error:
            return UrlCheck(problem=t(error.text, **error.values))

    def read_sites(self, source: Path | str, done: Callable[[SitesRead], None]) -> None:
        """Read a list of pages, away from the window: ten thousand lines take a while."""

        def finished(result: object, _error: BaseException | None) -> None:
            done(result if isinstance(result, SitesRead) else SitesRead())

        self._engine.work(lambda: sites_in(source), finished)

    # --- running ---

    def open(self) -> None:
        """Begin the engine's thread and its imports, which take longer than the window."""
        self._engine.open()
        self._engine.work(_import_engine, lambda _result, _error: None)

    @property
    def proxies(self) -> ProxyShelf:
        """Return the person's proxies, read when they are first asked for."""
        if self._shelf is None:
            from app.proxy_shelf import ProxyShelf

            self._shelf = ProxyShelf(self._engine)
        return self._shelf

    def start(self, targets: Sequence[str], urls: Sequence[str], proxies: Sequence[str] = ()) -> int:
        """Begin a run."""
        catalog, scenario = self.catalog, self._scenario
        links = partial(self.proxies.links, tuple(proxies)) if proxies else list
        wanted = Wanted(tuple(targets), tuple(urls), links, self.preferences.ways, self.preferences.ways_out)
        return self._engine.start(lambda tell: _open_run(catalog, scenario, wanted, tell, self._ways.update))

    @property
    def vpn(self) -> VpnShelf:
        """Return this computer's VPN and the person's profiles."""
        if self._vpn is None:
            from app.vpn_shelf import VpnShelf

            self._vpn = VpnShelf(self._engine, simulated=self._scenario is not None)
        return self._vpn

    def start_vpn(self, wanted: VpnWanted) -> int:
        """Begin a run about VPNs."""
        catalog, scenario = self.catalog, self._scenario
        job = self.vpn.job(wanted, partial(self.proxies.links, wanted.proxies)) if wanted.proxies else self.vpn.job(wanted)
        return self._engine.start(lambda tell: _open_vpn_run(catalog, scenario, job, tell, self._ways.update))

    def cancel(self) -> None:
        """End the run."""
        self._engine.cancel()

    @Slot(int, object)
    def _run_failed(self, number: int, error: BaseException) -> None:
        self.failed.emit(number, t(error.text, **error.values) if isinstance(error, InputError) else "")

    def close(self) -> None:
        """End everything."""
        if self._data is not None:
            self._data.stop()
        if self._vpn is not None:
            self._vpn.forget()
        self._engine.close()
        self._ways.clear()

    # --- the outcome ---

    def tips(self, report: Report, target: str | None) -> Sequence[Advice]:
        """Return the advice for a target or for the line, in the language of the window."""
        from app.advice import advice_for

        return advice_for(report, target, language())

    def vpn_tips(self, report: Report) -> Sequence[Advice]:
        """Return the advice for the VPN or the profile that a report is about, in the language of the window."""
        from app.advice import vpn_advice_for

        return vpn_advice_for(report, language())

    def tip_text(self, advice: Advice, platform: str) -> str:
        """Return a tip as plain text, for a chat or a phone."""
        from app.advice import advice_text

        return advice_text(advice, platform)

    def save_folder(self) -> str:
        """Return the folder that is offered."""
        return str(save_folder())

    def preview(self, report: Report, choices: SaveChoices, done: Callable[[Preview | None], None]) -> None:
        """Draw a report as it would be saved, away from the window."""
        from app.saving import preview_of

        spoken, ways = language(), tuple(self._ways.values())

        def finished(result: object, error: BaseException | None) -> None:
            if error is not None:
                log.warning("no preview: %s", type(error).__name__)
            done(result if isinstance(result, Preview) else None)

        self._engine.work(lambda: preview_of(report, choices, spoken, ways), finished)

    def save(self, report: Report, folder: str, kind: SaveKind, choices: SaveChoices, done: Callable[[Saved | None], None]) -> None:
        """Write a report without private items, away from the window."""
        from app.saving import save_report

        spoken = language()

        def finished(result: object, error: BaseException | None) -> None:
            if error is not None:
                log.warning("report not saved: %s", type(error).__name__)
            done(result if isinstance(result, Saved) else None)

        ways = tuple(self._ways.values())
        self._engine.work(lambda: save_report(report, Path(folder).expanduser(), kind, spoken, ways, choices), finished)

    def show(self, address: str) -> None:
        """Open a folder or a page."""
        is_page = address.startswith(("http://", "https://"))
        QDesktopServices.openUrl(QUrl(address) if is_page else QUrl.fromLocalFile(address))


def sites_in(source: Path | str) -> SitesRead:
    """Return the pages of a file or of a text; for a file that cannot be read, the sentence that says why."""
    from app.site_notes import content_of, notes_of
    from diagnostics.sitelist import read_sites

    try:
        found = read_sites(content_of(str(source)) if isinstance(source, Path) else source)
    except InputError as error:
        return SitesRead(notes=(t(error.text, **error.values),))
    return SitesRead(urls=found.urls, notes=tuple(notes_of(found)))


def _import_engine() -> None:
    """Import what a run needs, so that the first press of the button does not wait for it."""


class Wanted(NamedTuple):
    """What a run is to test; the proxies' secrets are read when it begins, away from the window."""

    targets: tuple[str, ...]
    urls: tuple[str, ...]
    links: Callable[[], list[Link]]
    ways: bool
    ways_out: bool


@asynccontextmanager
async def _open_run(
    catalog: Catalog, scenario: Scenario | None, wanted: Wanted, tell: Tell, used: Callable[[dict[str, Fact]], None]
) -> AsyncIterator[Measuring]:
    """Plan a run and open its network, the real one or a simulated one; in the engine's thread."""
    from diagnostics.daemon import daemon_call
    from diagnostics.plan import make_plan

    links = await daemon_call(wanted.links)
    used({link.id: link for link in links})
    plan = make_plan(wanted.targets, wanted.urls, catalog, routes=links, ways=wanted.ways, exits=wanted.ways and wanted.ways_out)
    async with _on_network(plan, catalog, scenario, tell) as run:
        yield run


@asynccontextmanager
async def _open_vpn_run(
    catalog: Catalog, scenario: Scenario | None, job: VpnJob, tell: Tell, used: Callable[[dict[str, Fact]], None]
) -> AsyncIterator[Measuring]:
    """Plan a run about VPNs and open its network; in the engine's thread."""
    from app.line_memory import Remembering

    plan = await job.plan(catalog)
    used({link.id: link for link in plan.vpn.lent} | {profile.id: profile for profile in plan.vpn.profiles})
    async with _on_network(plan, catalog, scenario, tell) as run:
        yield Remembering(run, plan.vpn.memory) if plan.vpn.protection else run


@asynccontextmanager
async def _on_network(plan: Plan, catalog: Catalog, scenario: Scenario | None, tell: Tell) -> AsyncIterator[Measuring]:
    """Open the real network, or a simulated one, for a plan."""
    from diagnostics.runner import Run

    if scenario is None:
        from diagnostics.network import RealNetwork
        from diagnostics.trust import Trust

        yield Run(plan, RealNetwork(Trust()), tell, version=__version__)
        return
    from diagnostics.sim import open_simulation

    async with open_simulation(scenario, catalog) as network:
        yield Run(plan, network, tell, version=__version__)
