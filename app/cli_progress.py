"""What is seen while a run is under way: a live list on a terminal, one line a result elsewhere, nothing with --quiet."""

from __future__ import annotations

import contextlib
import os
import types
from typing import TYPE_CHECKING, Final

from app.terminal import SYMBOLS, Terminal
from app.texts import join_names, language, t
from app.wording import status_word
from diagnostics.events import Event, StepDone, TargetJudged, WaysJudged, WaysSought
from diagnostics.model import DIRECT, Service, Status, Step, Verdict
from diagnostics.report.visible import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

    from diagnostics.plan import Plan

REFRESH: Final = 8.0
"""Pictures a second; more only flickers."""

MOST_ROWS: Final = 12
"""Targets that are listed while testing; the others are only counted."""

LONGEST_NAME: Final = 40
_TOLD_OVER: Final = frozenset({Status.WORKS, Status.SLOW, Status.PARTIAL, Status.LIKELY_BLOCKED})
_NOTHING_YET: Final = frozenset({Status.UNKNOWN, Status.NOT_TESTED})
"""What a verdict that is not final may say: the service is still waited for."""


def progress_for(err: Terminal, plan: Plan, *, quiet: bool) -> Progress:
    """Return what suits the stream."""
    if quiet:
        return Progress()
    if err.is_terminal and os.environ.get("TERM") != "dumb":
        return LiveList(err, plan)
    return Lines(err, plan)


def shown_name(service: Service) -> str:
    """Return a service's name in the person's language."""
    return visible(service.name.get(language()) or service.name.get("en") or service.id, longest=LONGEST_NAME)


class Progress:
    """Tells nothing; the base of those that do."""

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        """End; whatever moved is gone."""

    def tell(self, event: Event) -> None:
        """Take in what happened."""


def whole(event: TargetJudged) -> Verdict | None:
    """Return the verdict about the whole target: of the direct way, else of a proxy that leads there; one that is off says nothing."""
    known = [verdict for verdict in event.verdicts if verdict.function is None]
    return next((v for v in known if v.route == DIRECT), None) or next((v for v in known if v.status in _TOLD_OVER), None)


class Lines(Progress):
    """One line at the start and one a target."""

    def __init__(self, err: Terminal, plan: Plan) -> None:
        """Write to ``err``."""
        self._err = err
        self._names = {service.id: shown_name(service) for service in plan.targets}

    def __enter__(self) -> Lines:
        """Say what is tested."""
        names = list(self._names.values())
        more = len(names) - MOST_ROWS
        listed = join_names(names) if more <= 0 else f"{', '.join(names[:MOST_ROWS])}… (+{more})"
        self._err.line(t("cli.testing", names=listed or "VPN"))
        return self

    def tell(self, event: Event) -> None:
        """Write a line for each target whose verdict is final."""
        if isinstance(event, WaysSought):
            self._err.line("  " + t("cli.seeking", service=self._names.get(event.target, event.target)))
        if isinstance(event, TargetJudged) and event.final and (verdict := whole(event)):
            symbol = self._err.symbol(verdict.status)
            self._err.line(f"  {symbol} {self._names.get(verdict.target, verdict.target)}: {status_word(verdict.status)}")


class LiveList(Progress):
    """The targets with what is known of each so far."""

    def __init__(self, err: Terminal, plan: Plan) -> None:
        """Draw on ``err``."""
        self._err = err
        self._names = {service.id: shown_name(service) for service in plan.targets}
        self._known: dict[str, Status] = {}
        self._seeking: set[str] = set()
        self._steps = 0
        self._live: Live | None = None

    def __enter__(self) -> LiveList:
        """Begin to draw."""
        from rich.live import Live

        self._live = Live(get_renderable=self._picture, console=self._err.console, refresh_per_second=REFRESH, transient=True)
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        """Take the list away: the summary follows."""
        if self._live is not None:
            with contextlib.suppress(BrokenPipeError):
                self._live.stop()

    def tell(self, event: Event) -> None:
        """Remember; the next picture shows it."""
        if isinstance(event, StepDone):
            self._steps += event.observation.step is not Step.SYSTEM
        elif isinstance(event, TargetJudged) and (verdict := whole(event)) and (event.final or verdict.status not in _NOTHING_YET):
            self._known[verdict.target] = verdict.status
        elif isinstance(event, WaysSought):
            self._seeking.add(event.target)
        elif isinstance(event, WaysJudged):
            self._seeking.discard(event.target)

    def _picture(self) -> RenderableType:
        from rich.table import Table

        table = Table.grid(padding=(0, 1))
        for target, name in list(self._names.items())[:MOST_ROWS]:
            status = self._known.get(target)
            symbol = self._err.symbol(status) if status else "·"
            style = SYMBOLS.get(status, ("", "", ""))[2] if status else "dim"
            word = status_word(status) if status else t("cli.waiting")
            if target in self._seeking:
                word = f"{word} · {t('run.seeking')}"
            table.add_row(self._text(symbol, style), self._text(name), self._text(word, style))
        more = len(self._names) - MOST_ROWS
        tail = f" (+{more})" if more > 0 else ""
        table.add_row(self._text(""), self._text(t("cli.steps", n=self._steps) + tail, "dim"), self._text(t("cli.ctrl_c"), "dim"))
        return table

    def _text(self, text: str, style: str = "") -> Text:
        """Return one cell, in letters that the terminal has; folded where it is too long, since rich's ellipsis is no ASCII."""
        from rich.text import Text

        return Text(self._err.fit(text), style=style, overflow="fold")
