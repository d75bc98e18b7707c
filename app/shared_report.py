"""A report as it is handed on: the one way by which the terminal and the window come to the bytes of one.

Every rendering goes through ``Shared.checked`` before it is written, a packed one (a bundle, a PDF) member by member before packing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import msgspec

from app import texts
from app.texts import LANGUAGES, catalogue
from diagnostics.model import Fact, Report
from diagnostics.report.choices import AS_USUAL, RedactionChoices, Sites
from diagnostics.report.contract import dump, load
from diagnostics.report.redaction import redacted
from diagnostics.report.secrets import Secrets
from diagnostics.report.sites import HiddenSites
from diagnostics.report.sweep import sweep
from diagnostics.report.ways import with_ways


class Shared:
    """One report without the person in it, and its renderings."""

    def __init__(
        self, report: Report, *, choices: RedactionChoices = AS_USUAL, ways: Iterable[Fact] = (), secrets: Secrets | None = None
    ) -> None:
        """Take the person out; ``ways``: the proxies and VPN profiles of the run, ``secrets`` None: those of this computer."""
        self._secrets = with_ways(Secrets.of_this_computer() if secrets is None else secrets, ways)
        clean = redacted(report, secrets=self._secrets, choices=choices)
        if choices.sites is Sites.HIDDEN:
            hidden = HiddenSites(msgspec.to_builtins(report)).names
            self._secrets = msgspec.structs.replace(self._secrets, domains=self._secrets.domains | hidden)
        self.report = clean.report
        self.removed = clean.removed
        """How many different things of each kind were removed."""
        self.removals = clean.removals
        """The same as a list to look at, without the things themselves."""

    def rendering(self, kind: str, language: str) -> bytes:
        """Return the report as one of ``app.renderings.RENDERINGS`` writes it.  Raises InputError("error.report_not_clean")."""
        from app.renderings import RENDERINGS  # jinja2 and Qt are for those who save

        if kind == "json":
            return self._data  # searched already, and it may be large
        with texts.speaking(language):
            return RENDERINGS[kind](self._searched, self._ours)

    def preview(self, language: str) -> str:
        """Return the HTML that the PDF is drawn from.  Raises InputError("error.report_not_clean")."""
        from app.renderings import paper_source

        with texts.speaking(language):
            return paper_source(self._searched, self._ours)

    @cached_property
    def _data(self) -> bytes:
        return self.checked(dump(self.report), reads=load)

    @cached_property
    def _searched(self) -> Report:
        """Return the report as its data are written, of which everything else is drawn."""
        return self.report if self._data == dump(self.report) else load(self._data)

    def _ours(self, content: bytes) -> bytes:
        """Return what may be written of a rendering that holds texts and headings of Atajo."""
        return self.checked(content, ours=self._our_texts)

    def checked(self, content: bytes, *, ours: str = "", reads: Callable[[bytes], object] | None = None) -> bytes:
        """Return what may be written of a rendering, see ``sweep``.  Raises InputError("error.report_not_clean")."""
        return sweep(content, self._secrets, ours=ours, reads=reads)

    @cached_property
    def _our_texts(self) -> str:
        from app.renderings import page, paper_source

        forms = ("text", "one", "other")
        said = (str(entry.get(form, "")) for code in LANGUAGES for entry in catalogue(code).values() for form in forms)
        return "\n".join([*said, page(Report()).decode(), paper_source(Report())])
