"""``python -m app``: the window, or the terminal form when a command is named."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main() -> int:
    """Dispatch: nothing, or only sound options of the window, open it; everything else is the terminal's."""
    arguments = sys.argv[1:]
    if arguments == ["--pac-worker"]:  # not for people: app/pac.py starts it
        from app.pac_worker import main as worker

        return worker()
    if is_for_the_window(arguments):
        from app.main import main as window

        return window(arguments)
    from app.cli import main as terminal

    return terminal(arguments)


def is_for_the_window(arguments: Sequence[str]) -> bool:
    """Tell whether a command line has nothing but options of the window, each with a value that it may have.

    A mistake goes to the terminal form, which answers it with a sentence in the person's language.
    """
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--exit-after-paint" and not equals:
            continue
        if name not in ("--simulate", "--lang") or not (equals or rest):
            return False
        if not equals:
            value = rest.pop(0)
        if not value or value.startswith("-") or (name == "--lang" and value not in ("es", "en")):
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
