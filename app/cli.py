"""The terminal form: ``python -m app check | services | scenarios | resolvers | explain | export | update``.

Exit status: 0 all tested targets work · 1 something does not · 2 usage error · 3 this computer has no Internet ·
130 cancelled (the partial report is still written).  "Works" is meant literally: slow, partial, unknown and not tested
give 1, so that a script never takes silence for success; ``explain`` gives 1 when a report does not follow from its data.

Only argparse is imported here; each command brings the rest, so that ``--version`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from app import __version__

if TYPE_CHECKING:
    from app.cli_check import Measure
    from app.terminal import Terminal
    from diagnostics.errors import InputError

OK: Final = 0
NOT_ALL_WORK: Final = 1
USAGE: Final = 2
NO_INTERNET: Final = 3
CANCELLED: Final = 128 + int(signal.SIGINT)

COMMANDS: Final = ("check", "proxy", "vpn", "services", "scenarios", "resolvers", "explain", "export", "update")
ALONE: Final = ("--selftest", "--version")
VALUED: Final = frozenset(
    (
        *("--lang", "--simulate", "--json", "--html", "--url", "--list", "--timeout", "--proxy", "--vpn", "--watch", "--login-file"),
        *("--runs", "--seed", "--jobs", "--file"),
    )
)
"""Options that take the next argument as their value."""

STATUSES: Final = {"all": OK, "not_all": NOT_ALL_WORK, "usage": USAGE, "offline": NO_INTERNET, "stopped": CANCELLED}
EXPLAINED: Final = {"explained": OK, "differs": NOT_ALL_WORK, "usage": USAGE}
UPDATED: Final = {"updated": OK, "kept": NOT_ALL_WORK, "usage": USAGE}
"""What the help says of the exit status of ``check``, of that of ``explain``, and of that of ``update``."""


def program() -> str:
    """Return what the reader types to start Atajo: ``run.py`` tells its own name, else it is Python's way."""
    return os.environ.get("ATAJO_COMMAND", "").strip()[:200] or "python -m app"


class UsageError(Exception):
    """A command line that cannot be understood; ``text`` and ``values`` are its sentence."""

    def __init__(self, text: str, **values: str) -> None:
        """Name the sentence and its values."""
        super().__init__(text)
        self.text = text
        self.values = values


class _Formatter(argparse.HelpFormatter):
    """Help in the person's language: argparse's own words are English."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        """Write the usage line."""
        from app.texts import t

        super().add_usage(usage, actions, groups, f"{t('cli.help.usage')} " if prefix is None else prefix)


class _Parser(argparse.ArgumentParser):
    """A parser of one command whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise the sentence instead of printing argparse's."""
        option, _, what = message.removeprefix("argument ").partition(": ")
        if "expected" in what and "argument" in what:
            raise UsageError("cli.error.needs_value", option=option)
        if "required" in option:
            raise UsageError("cli.error.missing", what=what)
        raise UsageError("cli.error.not_understood", what=option)


def main(argv: Sequence[str] | None = None, *, measure: Measure | None = None) -> int:
    """Run one command and return its exit status.  ``measure`` replaces the engine (tests)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        return _say_version()
    from app.terminal import Terminal

    out, err = Terminal(sys.stdout), Terminal(sys.stderr)
    try:
        status = _dispatch(arguments, out, err, measure)
    except KeyboardInterrupt:
        status = CANCELLED
    out.end()
    if out.failure is not None:
        status = _say_unwritten(out.failure, err)
    err.end()
    return status


def _say_version() -> int:
    print(f"Atajo {__version__}")
    return OK


def _say_unwritten(error: OSError, err: Terminal) -> int:
    """Say that standard output could not be written, and why."""
    from app.cli_files import reason_of
    from app.texts import t

    err.line(t("error.cannot_write", file=t("cli.stdout"), reason=reason_of(error)))
    return USAGE


def _dispatch(arguments: list[str], out: Terminal, err: Terminal, measure: Measure | None) -> int:
    from app.texts import t
    from diagnostics.errors import InputError

    hint = program()
    try:
        _choose_language(arguments)
        command, rest = _command(arguments)
        hint += f" {command}" if command in COMMANDS else ""
        return _run(command, rest, out, err, measure)
    except UsageError as error:
        err.line(t(error.text, **_repeatable(error.values)))
        guess = error.values.get("close")
        err.line(t("cli.did_you_mean", name=guess) if guess else t("cli.error.hint", command=f"{hint} --help"))
    except InputError as error:
        say_problem(error, err)
    return USAGE


def say_problem(problem: InputError, err: Terminal) -> None:
    """Write the one sentence of a problem, and what was perhaps meant."""
    from app.cli_files import reason_of
    from app.texts import t

    values = _repeatable(problem.values)
    if "reason" in values and isinstance(problem.__cause__, OSError):
        values["reason"] = reason_of(problem.__cause__)
    elif "reason" in values and isinstance(problem.__cause__, ValueError):
        values["reason"] = t("cli.reason.not_text")
    err.line(t(problem.text, **values))
    if values.get("close"):
        err.line(t("cli.did_you_mean", name=values["close"]))
    if problem.text == "error.unknown_scenario":
        err.line(t("cli.error.list", command=f"{program()} scenarios"))


def _repeatable(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a sentence with those that were typed cut short, and without passwords."""
    from diagnostics.plan import typed_text

    typed = ("name", "url", "value", "found", "what")
    return {key: typed_text(str(value)) if key in typed else _short_name(value) for key, value in values.items()}


def _short_name(value: object) -> object:
    """Return a file's name without its middle if it is longer than any that a system takes."""
    return f"{value[:40]}…{value[-39:]}" if isinstance(value, str) and len(value) > 1024 else value


def _choose_language(arguments: list[str]) -> None:
    """Speak the language of ``--lang``, wherever it stands and before anything can be wrong; else the settings', else the system's."""
    from app.settings import SettingsStore
    from app.texts import LANGUAGES, detect_language, set_language

    asked = next((a.partition("=")[2] for a in arguments if a.startswith("--lang=")), None)
    if asked is None and "--lang" in arguments[:-1]:
        asked = arguments[arguments.index("--lang") + 1]
    if asked in LANGUAGES:
        set_language(asked)
        return
    chosen = SettingsStore().current.language
    set_language(chosen if chosen in LANGUAGES else detect_language())
    if asked is not None:
        raise UsageError("cli.error.language", name=asked, known=", ".join(LANGUAGES))


def _command(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the command and its own arguments; options may stand before it."""
    place = _first_word(arguments)
    before = arguments[:place]
    alone = next((each for each in before if each in ALONE), None)
    if alone:
        return alone, []
    if place < len(arguments):
        command = arguments[place]
        if command in ("help", *COMMANDS):
            return command, [*before, *arguments[place + 1 :]]
        import difflib

        close = difflib.get_close_matches(command[:40].lower(), COMMANDS, n=1)
        raise UsageError("cli.error.command", name=command, known=", ".join(COMMANDS), close="".join(close))
    strange = [each for each in before if each.startswith("-") and each.partition("=")[0] not in ("--lang", "-h", "--help")]
    if not strange or {"-h", "--help"} & set(before):
        return "--help", []
    if strange[-1] in VALUED and before[-1] == strange[-1]:
        raise UsageError("cli.error.needs_value", option=strange[-1])
    raise UsageError("cli.error.not_understood", what=strange[0])


def _first_word(arguments: list[str]) -> int:
    """Return the place of the first argument that is neither an option nor the value of one; the end if there is none."""
    place = 0
    while place < len(arguments) and arguments[place].startswith("-"):
        place += 2 if arguments[place] in VALUED else 1
    return min(place, len(arguments))


def _run(command: str, rest: list[str], out: Terminal, err: Terminal, measure: Measure | None) -> int:

    if command == "--version":
        return _say_version()
    if command == "--selftest":
        from app.cli_selftest import selftest

        return selftest(out)
    if command not in COMMANDS:
        _help(out)
        return OK
    parser = _parser(command)
    options, unknown = parser.parse_known_intermixed_args(rest)
    if options.help:
        for line in parser.format_help().splitlines():
            out.raw(line)
        if command in ("check", "proxy", "vpn", "explain", "update"):
            out.line()
            _exit_statuses(out, {"explain": EXPLAINED, "update": UPDATED}.get(command, STATUSES))
        return OK
    if unknown:
        raise UsageError("cli.error.not_understood", what=" ".join(unknown))
    _refuse_blanks(options)
    from app.cli_update import use_newest

    simulated = command == "scenarios" or vars(options).get("simulate") is not None
    use_newest(None if command == "update" else err, shipped_only=simulated)
    return _action(command, measure)(options, out, err)


def _refuse_blanks(options: argparse.Namespace) -> None:
    """Refuse what is missing, or empty: a script whose variable is not set must not measure something else instead."""
    values = vars(options)
    if not values.get("report", "-"):
        raise UsageError("cli.error.missing", what="REPORT")
    if not values.get("link", "-"):
        raise UsageError("cli.error.missing", what="LINK")
    if "" in values.get("targets", ()):
        raise UsageError("cli.error.missing", what="TARGET")
    if values.get("profile") == "":
        raise UsageError("cli.error.missing", what="PROFILE")
    for name in (option.removeprefix("--") for option in VALUED):
        value = values.get(name.replace("-", "_"))
        if value == "" or (isinstance(value, list) and "" in value):
            raise UsageError("cli.error.needs_value", option=f"--{name}")


Action = Callable[[argparse.Namespace, "Terminal", "Terminal"], int]


def _action(command: str, measure: Measure | None) -> Action:
    """Return what a command does; importing only what it needs."""
    if command == "check":
        from app.cli_check import check, measure_for_real

        return lambda options, out, err: check(options, out, err, measure or measure_for_real)
    if command == "proxy":
        from app.cli_check import measure_for_real
        from app.cli_proxy import proxy

        return lambda options, out, err: proxy(options, out, err, measure or measure_for_real)
    if command == "vpn":
        from app.cli_check import measure_for_real
        from app.cli_vpn import vpn

        return lambda options, out, err: vpn(options, out, err, measure or measure_for_real)
    if command in ("explain", "export"):
        from app.cli_report import explain, export

        return explain if command == "explain" else export
    if command == "update":
        from app.cli_update import update

        return update
    from app.cli_tables import TABLES

    return TABLES[command]


def _help(out: Terminal) -> None:
    """Write what there is."""
    from app.texts import t

    out.line(t("cli.help.what"))
    out.line()
    out.line(f"{t('cli.help.usage')} {program()} {t('cli.help.command')} [--lang es|en]")
    out.line()
    for command in COMMANDS:
        out.line(f"{command:<11} {t(f'cli.help.{command}')}", indent=2, hanging=14)
    for option in ("version", "selftest"):
        out.line(f"--{option:<9} {t(f'cli.help.{option}')}", indent=2, hanging=14)
    out.line()
    out.line(t("cli.help.more", command=f"{program()} check --help"))
    out.line(t("cli.help.window", command=program()))
    out.line()
    _exit_statuses(out, STATUSES)


def _exit_statuses(out: Terminal, statuses: Mapping[str, int]) -> None:
    """Write what each exit status means."""
    from app.texts import t

    out.line(t("cli.help.exit"))
    for name, status in statuses.items():
        out.line(f"{status:>3} {t(f'cli.help.exit.{name}')}", indent=2, hanging=6)


def _parser(command: str) -> _Parser:
    """Return the parser of one command."""
    from app.cli_options import check_options, matrix_options, run_options, sharing_options
    from app.texts import t

    parser = _Parser(
        prog=f"{program()} {command}", description=t(f"cli.help.{command}"), add_help=False, allow_abbrev=False, formatter_class=_Formatter
    )
    group = parser.add_argument_group(t("cli.help.options"))
    if command in ("check", "proxy", "vpn"):
        run_options(group, command)
    if command == "check":
        check_options(group)
    if command == "scenarios":
        matrix_options(group)
    if command == "update":
        from app.cli_update import add_options as add_update_options

        add_update_options(group)
    if command in ("explain", "export"):
        group.add_argument("report", metavar="REPORT", nargs="?", help=t("cli.help.report_file"))
        group.add_argument("--key", metavar="FILE", help=t("cli.help.key"))
    if command == "export":
        group.add_argument("--html", metavar="FILE", help=t("cli.help.html"))
        group.add_argument("--json", metavar="FILE", help=t("cli.help.export_json"))
        for kind in ("pdf", "bundle", "csv", "ooni", "text"):
            group.add_argument(f"--{kind}", metavar="FILE", help=t(f"cli.help.{kind}"))
        group.add_argument("--to", metavar="KEY", help=t("cli.help.to"))
        group.add_argument("--passphrase", action="store_true", help=t("cli.help.passphrase"))
    if command in ("check", "proxy", "vpn", "export"):
        sharing_options(group)
    group.add_argument("--lang", metavar="es|en", help=t("cli.help.lang"))
    group.add_argument("-h", "--help", action="store_true", help=t("cli.help.help"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
