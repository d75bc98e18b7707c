"""``python -m app``: the window, or the terminal form when a subcommand is named."""

from __future__ import annotations

import sys
from typing import Final

_WINDOW_OPTIONS: Final = ("--simulate", "--lang", "--exit-after-paint")


def main() -> int:
    """Dispatch: nothing or only options of the window open it; everything else is the terminal's."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0].split("=")[0] in _WINDOW_OPTIONS:
        from app.main import main as window

        return window(arguments)
    from app.cli import main as terminal

    return terminal(arguments)


if __name__ == "__main__":
    sys.exit(main())
