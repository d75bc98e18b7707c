"""Writing a report where the person wants it: as data, as a page, without the person in it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from app import cli
from app.cli_files import Target
from app.shared_report import Shared
from app.terminal import Terminal
from app.texts import has_text, join_names, language, t
from diagnostics.model import Fact, Report
from diagnostics.report.choices import RedactionChoices, Sites, Times
from diagnostics.report.contract import dump


class Outputs:
    """The files of ``--json`` and ``--html``, either of which may be missing."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Read what was asked for; nothing is touched yet.  Raises UsageError if both want standard output."""
        self._full: bool = options.full
        self._choices = _choices(options)
        self._files = [(Target(name), as_page) for name, as_page in ((options.html, True), (options.json, False)) if name is not None]
        self.takes_stdout = any(file.is_stdout for file, _ in self._files)
        """Whether standard output belongs to the report."""
        if len(self._files) > 1 and all(file.is_stdout for file, _ in self._files):
            raise cli.UsageError("cli.error.both_stdout", options="--html, --json")

    def __bool__(self) -> bool:
        """Tell whether anything is to be written."""
        return bool(self._files)

    def check(self) -> None:
        """Find out whether everything can be written.  Raises InputError("error.cannot_write")."""
        for file, _ in self._files:
            file.check()

    def write(self, report: Report, out: Terminal, ways: Sequence[Fact] = ()) -> list[str]:
        """Write everything and return the sentences about it; ``ways``: the proxies and profiles of the run, to be left out.

        Raises InputError("error.cannot_write" or "error.report_not_clean").
        """
        shared = None if self._full else Shared(report, choices=self._choices, ways=ways)
        contents = [_content(report, shared, as_page=as_page) for _, as_page in self._files]
        for (file, _), content in zip(self._files, contents, strict=True):
            file.write(content, out)
        removed = shared.removed if shared else {}
        said = [t("cli.saved", file=file.name) for file, _ in self._files if not file.is_stdout]
        return [*said, t("cli.removed", what=kinds(removed))] if removed else said


def kinds(removed: Mapping[str, int]) -> str:
    """Return what was taken out as one phrase: "1 address of your network and 2 user names"."""
    named = [(f"cli.removed.{kind}", n) for kind, n in removed.items()]
    return join_names([t(text_id if has_text(text_id) else "cli.removed.other", n=n) for text_id, n in named])


def refused_in_full(options: argparse.Namespace, err: Terminal) -> bool:
    """Ask a second time before the person's addresses and names are written; tell whether that is still missing."""
    if not options.full or options.with_my_addresses:
        return False
    err.line(t("cli.export.confirm", option="--with-my-addresses"))
    return True


def _choices(options: argparse.Namespace) -> RedactionChoices:
    """Return what was chosen about what goes.  Raises UsageError for choices that contradict each other."""
    if options.exact_time and options.round_time:
        raise cli.UsageError("cli.error.either", one="--exact-time", other="--round-time")
    if options.full and (options.hide_sites or options.round_time):  # whoever asks for both must not get everything by surprise
        raise cli.UsageError("cli.error.either", one="--full", other="--hide-sites" if options.hide_sites else "--round-time")
    return RedactionChoices(
        sites=Sites.HIDDEN if options.hide_sites else Sites.HOST, time=Times.EXACT if options.exact_time else Times.HOUR
    )


def _content(report: Report, shared: Shared | None, *, as_page: bool) -> bytes:
    if shared is not None:
        return shared.page(language()) if as_page else shared.data()
    if not as_page:
        return dump(report)
    from app.report_view import html_page

    return html_page(report, language()).encode("utf-8", "replace")
