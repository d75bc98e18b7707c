"""What the terminal asks before a profile is tested: how to log in, and whether the profile is in use anywhere."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.texts import t
from diagnostics.errors import InputError

if TYPE_CHECKING:
    from app.terminal import Terminal
    from diagnostics.vpn.profile import Profile

MOST_LOGIN_FILE: Final = 4096
"""Bytes that are read of a file with a user's name and password."""

_YES: Final = frozenset({"s", "si", "sí", "y", "yes"})
"""Answers that mean yes, in whichever language was asked; everything else is no."""


def may_send(options: argparse.Namespace, profile: Profile, err: Terminal) -> None:
    """Settle in ``options`` whether more than a greeting goes to the server of a profile whose use here ends its use elsewhere.

    On a terminal the person is asked, and no is what harms nobody.  Elsewhere they asked for more by ``--not-in-use``, or by naming
    services: those can be tested in no other way.
    """
    from diagnostics.vpn.in_use import is_in_use
    from diagnostics.vpn.profile import ONE_AT_A_TIME

    settled = options.greet_only or options.not_in_use or options.simulate is not None
    if settled or profile.protocol not in ONE_AT_A_TIME or asyncio.run(is_in_use([profile])):
        return
    if options.profile != "-" and not options.quiet and err.is_terminal and sys.stdin is not None and sys.stdin.isatty():
        err.line(t("vpn.ask_in_use"))
        options.not_in_use = _yes()
        options.greet_only = not options.not_in_use
    elif not (options.targets or options.url):
        options.greet_only = True


def _yes() -> bool:
    """Tell whether the person answers yes."""
    print(t("cli.yes_no"), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in _YES


def allowed_in(profile: Profile, file: str | None) -> Profile:
    """Return an OpenVPN profile with what it needs to log in: from a file of two lines, else its own, else asked on the terminal.

    Raises InputError: for a profile of another kind, for a file that cannot be used, and where nobody can be asked.
    """
    from diagnostics.vpn.openvpn.profile import OpenVpnProfile, with_login

    if not isinstance(profile, OpenVpnProfile):
        raise InputError("error.login_not_openvpn")
    if file is not None:
        return with_login(profile, *_two_lines(Path(file)))
    if not profile.asks_login:
        return profile
    if not sys.stdin.isatty():
        raise InputError("error.login_missing")
    print(t("cli.login.user"), end=" ", file=sys.stderr, flush=True)
    user = sys.stdin.readline().strip()
    return with_login(profile, user, getpass.getpass(f"{t('cli.login.password')} "))


def _two_lines(path: Path) -> tuple[str, str]:
    """Return the first two lines of a file.  Raises InputError."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_LOGIN_FILE).decode("utf-8-sig")
    except OSError as error:
        raise InputError("error.cannot_read", file=str(path), reason=error.strerror or type(error).__name__) from error
    except UnicodeDecodeError:
        raise InputError("error.login_missing") from None
    user, password, *_ = [*text.splitlines(), "", ""]
    return user.strip(), password
