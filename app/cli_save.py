"""Writing a report where the person wants it: as data, as a page or for support, without the person in it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Final

from app import cli
from app.cli_files import Target
from app.shared_report import Shared
from app.terminal import Terminal
from app.texts import has_text, join_names, language, t
from diagnostics.model import Fact, Report
from diagnostics.report.choices import RedactionChoices, Sites, Times

KINDS: Final = ("html", "pdf", "bundle", "csv", "ooni", "text", "json")
"""The options that name a file to write, in the order in which they are written: ``app/renderings.py`` has one for each."""


FOR_SHARING: Final = frozenset({"ooni"})
"""Kinds that are made to be handed on: the person is taken out of them even where all the rest is written in full."""


class Outputs:
    """The files of ``--json``, ``--html`` and the like, any of which may be missing."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Read what was asked for; nothing is touched yet.

        Raises UsageError if two want standard output, or if nothing is there to encrypt; InputError for a key or a passphrase that
        cannot be used.
        """
        self._full: bool = options.full
        self._choices = _choices(options)
        chosen = vars(options)
        self._files = [(Target(name), kind) for kind in KINDS if (name := chosen.get(kind)) is not None]
        self.takes_stdout = any(file.is_stdout for file, _ in self._files)
        """Whether standard output belongs to the report."""
        talking = [f"--{kind}" for file, kind in self._files if file.is_stdout]
        if len(talking) > 1:
            raise cli.UsageError("cli.error.both_stdout", options=", ".join(talking))
        self._seal = None
        if chosen.get("to") is not None or chosen.get("passphrase"):
            if chosen.get("bundle") is None:
                raise cli.UsageError("cli.error.missing", what="--bundle FILE")
            from app.seals import Seal

            self._seal = Seal(options)

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
        shared = Shared(report, choices=self._choices, ways=ways) if self._takes_out() else None
        contents = [self._closed(_content(report, self._one_for(kind, shared), kind), kind) for _, kind in self._files]
        for (file, _), content in zip(self._files, contents, strict=True):
            file.write(content, out)
        removed = shared.removed if shared and not self._full else {}
        said = [t("cli.saved", file=file.name) for file, _ in self._files if not file.is_stdout]
        return [*said, t("cli.removed", what=kinds(removed))] if removed else said

    def _takes_out(self) -> bool:
        """Tell whether the person is taken out of at least one of the files."""
        return not self._full or any(kind in FOR_SHARING for _, kind in self._files)

    def _one_for(self, kind: str, shared: Shared | None) -> Shared | None:
        """Return what a file is made from without the person in it, or None for one that is to hold everything."""
        return None if self._full and kind not in FOR_SHARING else shared

    def _closed(self, content: bytes, kind: str) -> bytes:
        """Return a bundle encrypted where that was asked for; everything else as it is."""
        return self._seal.close(content) if self._seal is not None and kind == "bundle" else content


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


def _content(report: Report, shared: Shared | None, kind: str) -> bytes:
    if shared is not None:
        return shared.rendering(kind, language())
    from app.renderings import RENDERINGS

    return RENDERINGS[kind](report, bytes)
