"""What the person chose, kept in the data folder as one small JSON file.

Nothing in it says what was tested when: only the language, the look and which services are ticked.
"""

from __future__ import annotations

import contextlib
import enum
import logging
from pathlib import Path
from typing import Final

import msgspec

from app.paths import data_folder, write_whole
from app.texts import LANGUAGES, detect_language

log = logging.getLogger("atajo.settings")

TEXT_SIZES: Final = (100, 125, 150, 200)
"""Text sizes that can be chosen, percent."""

MAX_BYTES: Final = 64 * 1024
"""A settings file has some hundred bytes; a larger one is not ours."""


class ThemeChoice(enum.StrEnum):
    """Which colours to use."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
    CONTRAST = "contrast"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is remembered between two starts."""

    language: str = ""  # "" = as this computer's
    theme: ThemeChoice = ThemeChoice.SYSTEM
    text_size: int = 100  # percent
    welcomed: bool = False  # the person has read what the tests reveal
    targets: tuple[str, ...] | None = None  # ids of the services that are ticked; None = the usual ones
    through_proxies: bool = True  # the services are tested through the person's own proxies as well
    ways: bool = True  # ways round are tried for what is blocked
    ways_out: bool = False  # and whether Tor, VPN makers and app stores can be reached: the provider can see that somebody asks for them

    def __post_init__(self) -> None:
        """Refuse values that no screen can offer, so that a damaged file is noticed."""
        if self.language not in ("", *LANGUAGES) or self.text_size not in TEXT_SIZES:
            message = f"language {self.language!r}, text size {self.text_size!r}"
            raise ValueError(message)

    @property
    def spoken(self) -> str:
        """Return the language to speak: the chosen one, else this computer's, else Spanish."""
        return self.language or detect_language()


class SettingsStore:
    """The settings file."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file, or begin with the usual settings."""
        self.path = path or data_folder() / "settings.json"
        self.current = self._read()

    def change(self, **changes: object) -> Settings:
        """Set some fields, write the file and return the new settings.

        A disk that refuses is logged, never told: the choice still holds until the window closes.
        """
        self.current = msgspec.structs.replace(self.current, **changes)
        try:
            write_whole(self.path, msgspec.json.format(msgspec.json.encode(self.current), indent=2))
        except OSError as error:
            log.warning("settings not written: %s", error.strerror)
        return self.current

    def _read(self) -> Settings:
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError:
            return Settings()  # the first start, or a folder that cannot be read
        try:
            if len(content) > MAX_BYTES:
                message = "too large"
                raise ValueError(message)
            return msgspec.json.decode(content, type=Settings)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            log.info("settings set aside: %s", error)
            with contextlib.suppress(OSError):
                self.path.replace(self.path.with_name(f"{self.path.name}.broken"))
            return Settings()
