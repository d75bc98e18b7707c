"""Errors that a person can mend: each is one sentence in the person's language."""

from __future__ import annotations


class InputError(Exception):
    """Something that was handed to Atajo cannot be used.

    ``text`` is the id of a text in ``resources/i18n`` and ``values`` what to put into it, so that the terminal and the
    window say it in the person's language and the engine needs no language at all.
    """

    def __init__(self, text: str, **values: object) -> None:
        """Name the sentence and its values."""
        super().__init__(f"{text} {values}" if values else text)
        self.text = text
        self.values = values
