"""What to do, and whether it worked: the tips of one target, the person's answers, and measuring that target alone once more.

What the person says stays in this window and is forgotten with the next run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from PySide6.QtGui import QGuiApplication

from app.texts import t, when
from app.wording import card_sentence, failure, fault_sentence, name_of, status_word
from diagnostics.events import Event, RunDone
from diagnostics.model import Report, Verdict
from ui.a11y import announce
from ui.backend import Advice
from ui.recheck import Change, Recheck, change, laid_over
from ui.tip_card import Head, TipState, Told

if TYPE_CHECKING:
    from ui.flow import Window

_PHONES: Final = ("android", "iphone")
"""Kinds of device that are phones, the more common one first."""


class Subject(NamedTuple):
    """What advice is about when it is no service and not the line: this computer's VPN, or a profile.

    ``ident`` tells it from others, so that what the person said of its tips is kept; ``head`` gives its words, in the language that is
    spoken then; ``again`` measures it once more.
    """

    ident: str
    report: Report
    head: Callable[[], Head]
    again: Callable[[], None]


_TELLS: Final = {Change.OPENS: Told.WORKED, Change.SAME: Told.UNCHANGED}


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a tip: what was said of it, and the measurement after it."""

    told: Told = Told.NOTHING
    found: Change | None = None
    verdict: Verdict | None = None
    at: dt.datetime | None = None


def _for_phone(advice: Advice, platform: str) -> str:
    """Return the kind of device whose steps go to a phone: the phone that was chosen, else the first that there are steps for."""
    phones = [each for each in _PHONES if any(own.platform == each for own in advice.platforms)]
    return platform if platform in phones or not phones else phones[0]


class TodoFlow:
    """The tips on the screen and the way through them."""

    def __init__(self, window: Window) -> None:
        """Know nothing yet."""
        self._window = window
        self.target = ""
        self.about: Subject | None = None
        self.rechecks: dict[str, Recheck] = {}
        self._answers: dict[tuple[str, str], _Answer] = {}  # by target and tip; in the order in which they were given
        self._tips: Sequence[Advice] = ()
        self._number: int | None = None
        self._checking: tuple[str, str] = ("", "")

    # --- what the rest of the window asks ---

    @property
    def checking(self) -> bool:
        """Tell whether a target is being measured again."""
        return self._number is not None

    def report_of(self, target: str) -> Report | None:
        """Return the report in which a target was measured last."""
        newer = self.rechecks.get(target)
        return newer.report if newer is not None else self._window.report()

    def shown(self, report: Report) -> Report:
        """Return a run as the result shows it: with the newer verdicts of what was measured again."""
        return laid_over(report, self.rechecks)

    def moments(self) -> dict[str, dt.datetime]:
        """Return when targets were measured again."""
        return {target: recheck.at for target, recheck in self.rechecks.items()}

    def ended(self) -> None:
        """Forget everything: another run has begun."""
        self._number = None
        self._answers.clear()
        self.rechecks.clear()

    # --- the screen ---

    def show(self, target: str) -> None:
        """Fill the screen with the advice for one target; for the line when it is empty."""
        self.target, self.about = target, None
        self.fill()

    def show_about(self, subject: Subject) -> None:
        """Fill the screen with the advice for a VPN or a profile."""
        self.target, self.about = subject.ident, subject
        self.fill()

    def again(self) -> None:
        """Measure once more what the advice is about."""
        if self.about is not None:
            self.about.again()
        else:
            self._window.again()

    def fill(self, open_tip: str = "") -> None:
        """Write the screen anew; ``open_tip`` is the tip that is open, the first one that nothing was said of if none is named."""
        if self.about is not None:
            self._tips = self._ordered(self._window.backend.vpn_tips(self.about.report))
            self._put(self.about.head(), open_tip)
            return
        report = self.report_of(self.target)
        if report is None:
            return
        verdict = report.of_target(self.target)
        fault = failure(report)
        if verdict is not None and not fault:
            self._tips = self._ordered(self._window.backend.tips(report, self.target))
            service, why = name_of(self.target, report), card_sentence(verdict, report)
        else:
            self._tips = self._ordered(self._window.backend.tips(report, None))
            service, why = "", fault_sentence(report) if fault else ""
        self._put(Head(service, why), open_tip)

    def _put(self, head: Head, open_tip: str) -> None:
        told = {advice.id: self._state(advice.id, head.service) for advice in self._tips}
        self._window.screens.todo.show_tips(head, self._tips, told, open_tip or self._next())
        self._refresh_code()

    def _ordered(self, tips: Sequence[Advice]) -> Sequence[Advice]:
        """Put what did not work for the person last, in the order in which it was tried."""
        places = {tip: place for place, ((target, tip), answer) in enumerate(self._answers.items())
                  if target == self.target and answer.told is Told.FAILED}  # fmt: skip
        return sorted(tips, key=lambda advice: places.get(advice.id, -1))

    def _state(self, tip: str, service: str) -> TipState:
        answer = self._answers.get((self.target, tip), _Answer())
        own = self._checking == (self.target, tip)
        news = self._news(answer, service)
        return TipState(told=answer.told, news=news, busy=self.checking and own, waiting=self.checking and not own)

    def _news(self, answer: _Answer, service: str) -> str:
        """Return what the measurement after a tip found."""
        if answer.found is None or answer.at is None:
            return ""
        word = status_word(answer.verdict.status) if answer.verdict is not None else ""
        said = t(f"tips.news.{answer.found}", service=service, status=word[:1].lower() + word[1:])
        return f"{said} {t('result.rechecked', when=when(answer.at))}"  # last: a time may end with a dot of its own, or with none

    def _next(self, after: str = "") -> str:
        """Return the first tip of which nothing was said yet, if there is one; the next one ``after`` a tip, else from the start."""
        tips = [advice.id for advice in self._tips]
        start = tips.index(after) + 1 if after in tips else 0
        return next((tip for tip in (*tips[start:], *tips[:start]) if self._told(tip) is Told.NOTHING), "")

    def _told(self, tip: str) -> Told:
        return self._answers.get((self.target, tip), _Answer()).told

    def _find(self, tip: str) -> Advice | None:
        return next((advice for advice in self._tips if advice.id == tip), None)

    def _answer(self, tip: str, answer: _Answer) -> None:
        self._answers.pop((self.target, tip), None)  # the latest answer stands last
        self._answers[self.target, tip] = answer

    # --- carrying a tip off ---

    def copy(self, tip: str, platform: str) -> None:
        """Put a tip into the clipboard, as plain text."""
        advice = self._find(tip)
        if advice is not None:
            QGuiApplication.clipboard().setText(self._window.backend.tip_text(advice, platform))
            self._window.screens.todo.say_copied(tip)

    def code(self, tip: str, platform: str) -> None:
        """Show a tip as a code for the phone, with the steps for a phone if it has some."""
        advice = self._find(tip)
        if advice is not None:
            self._write_code(advice, _for_phone(advice, platform))
            self._window.show_code()

    def _write_code(self, advice: Advice, platform: str) -> None:
        device = next((each.name for each in advice.platforms if each.platform == platform), "")
        text = self._window.backend.tip_text(advice, platform)
        self._window.screens.qr.show_text(advice.say, text, (advice.id, platform), device)

    def _refresh_code(self) -> None:
        """Write the code anew, in another language for instance."""
        if "qr" in self._window.screens.built:
            tip, platform = self._window.screens.qr.shown
            advice = self._find(tip)
            if advice is not None:
                self._write_code(advice, platform)

    # --- did it work? ---

    def worked(self, tip: str) -> None:
        """Take a yes: mark the tip and offer to save the report."""
        screen = self._window.screens.todo
        self._answer(tip, _Answer(told=Told.WORKED))
        self.fill(tip)
        screen.say(t("tips.thanks"))
        screen.lead_to_save()

    def failed(self, tip: str) -> None:
        """Take a no: the tip goes last and the next one opens."""
        self._answer(tip, _Answer(told=Told.FAILED))
        self._go_on(tip)

    def _go_on(self, tip: str) -> None:
        """Open the tip that follows one which did not help."""
        following = self._next(tip)
        self.fill(following or tip)
        screen = self._window.screens.todo
        if following:
            screen.lead_to(following)
            advice = self._find(following)
            announce(screen, t("tips.following", tip=advice.say if advice is not None else ""))
        else:
            screen.say(t("tips.no_more"), drawing="question", role="muted")
            screen.lead_to_save()

    # --- measuring again ---

    def recheck(self, tip: str) -> None:
        """Measure the target of the tip alone, over the same ways as before."""
        window = self._window
        wanted = window.wanted
        if self.checking or window.under_way or self.target not in (*wanted.targets, *wanted.urls):
            return
        kept = {row.id for row in window.proxies.rows()}
        window.proxies.ended()
        window.vpn.ended()
        typed = self.target in wanted.urls
        targets, urls = ([], [self.target]) if typed else ([self.target], [])
        self._checking = (self.target, tip)
        self._number = window.backend.start(targets, urls, [each for each in wanted.over if each in kept])
        self.fill(tip)
        screen = window.screens.todo
        screen.lead_to(tip)
        announce(screen, t("tips.busy", service=self._name()))

    def stop(self) -> None:
        """Stop measuring again; what was known before holds."""
        if self.checking:
            self._window.backend.cancel()
            self._over(t("tips.stopped"))

    def arrived(self, number: int, events: Iterable[Event]) -> bool:
        """Take the events of a measurement; tell whether they were of one."""
        if number != self._number:
            return False
        for event in events:
            if isinstance(event, RunDone):
                self._learn(event.report)
        return True

    def failed_run(self, number: int, sentence: str) -> bool:
        """Say why a measurement ended without a report; tell whether it was one."""
        if number != self._number:
            return False
        self._over(sentence or t("tips.broken"))
        return True

    def _over(self, sentence: str) -> None:
        """End the measurement without a result."""
        target, tip = self._checking
        self._number = None
        if target == self.target:
            self.fill(tip)
            self._window.screens.todo.say(sentence, drawing="question", role="muted")
            if self._window.shell.current == "todo":
                self._window.screens.todo.lead_to(tip)

    def _learn(self, report: Report) -> None:
        """Take the outcome: show it in place of the earlier one, and go where it leads."""
        target, tip = self._checking
        self._number = None
        earlier = self.report_of(target)
        says_nothing = report.run.cancelled or failure(report) is not None
        verdict = None if says_nothing else report.of_target(target)
        found = change(earlier.of_target(target) if earlier is not None else None, verdict)
        now = dt.datetime.now(dt.UTC)
        if found is not Change.UNCLEAR:
            self.rechecks[target] = Recheck(report=report, at=now)
        here, self.target = self.target, target
        self._answer(tip, _Answer(told=_TELLS.get(found, Told.NOTHING), found=found, verdict=verdict, at=now))
        self.target = here
        self._window.recheck_done()
        if found is Change.OPENS:
            self._window.show_opened(target, t("result.opens_now", service=self._name(target), when=when(now)))
        elif here == target:
            self._show_unopened(tip, found)

    def _show_unopened(self, tip: str, found: Change) -> None:
        """Show in place that the target does not open yet."""
        window = self._window
        shown = window.shell.current == "todo"
        self.fill(tip)  # first: the tips are those of the newer report now
        if found is Change.SAME and shown:
            self._go_on(tip)
        elif shown:
            window.screens.todo.lead_to(tip)
        news = self._news(self._answers[self.target, tip], self._name())
        if window.screens.todo.card(tip) is None:  # what is in the way is another thing now, and so are the tips
            window.screens.todo.say(news, drawing="dash", role="muted")
        announce(window.shell, news)

    def _name(self, target: str = "") -> str:
        report = self._window.report()
        return name_of(target or self.target, report) if report is not None else ""
