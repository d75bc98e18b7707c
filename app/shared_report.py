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
from diagnostics.report.bundle import Beside, write_bundle
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
        from app import renderings  # jinja2 and Qt are for those who save

        if kind == "json":
            return self.data()
        if kind == "html":
            return self.page(language)
        with texts.speaking(language):
            if kind == "pdf":
                return renderings.paper(self._searched, self._ours)
            if kind == "bundle":
                return self._bundle(language)
            return self._ours(renderings.RENDERINGS[kind](self._searched))

    def source(self, language: str) -> str:
        """Return the HTML that a PDF is drawn from: it loads nothing and runs nothing.  Raises InputError("error.report_not_clean")."""
        from app.report_view import paper_view
        from diagnostics.report.html import render_print

        with texts.speaking(language):
            return self._ours(render_print(paper_view(self._searched)).encode("utf-8", "replace")).decode("utf-8", "replace")

    def _bundle(self, language: str) -> bytes:
        """Return the archive, each part of which was searched before it was packed."""
        from app import renderings

        text, log = renderings.text(self._searched), renderings.engine_log(self._searched)
        versions = self._ours(renderings.versions(self._searched))
        beside = Beside(page=self.page(language), text=self._ours(text), log=self._ours(log), versions=versions)
        return write_bundle(self._searched, beside)

    def _ours(self, content: bytes) -> bytes:
        """Return what may be written of a rendering that holds texts of Atajo."""
        return self.checked(content, ours=self._our_texts)

    @cached_property
    def _searched(self) -> Report:
        """Return the report as its data are written, after they were searched."""
        return load(self.data())

    def data(self) -> bytes:
        """Return the report as JSON.  Raises InputError("error.report_not_clean")."""
        return self.checked(dump(self.report), reads=load)

    def page(self, language: str) -> bytes:
        """Return the report as a page.  Raises InputError("error.report_not_clean")."""
        from app.report_view import html_page  # jinja2 is for those who save a page

        written = html_page(self.report, language).encode("utf-8", "replace")
        return self.checked(written, ours=html_page(Report(), language) + self._our_texts)

    def checked(self, content: bytes, *, ours: str = "", reads: Callable[[bytes], object] | None = None) -> bytes:
        """Return what may be written of a rendering, see ``sweep``.  Raises InputError("error.report_not_clean")."""
        return sweep(content, self._secrets, ours=ours, reads=reads)

    @cached_property
    def _our_texts(self) -> str:
        forms = ("text", "one", "other")
        return "\n".join(str(entry.get(form, "")) for code in LANGUAGES for entry in catalogue(code).values() for form in forms)
