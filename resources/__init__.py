"""Data that ships with Atajo: services, resolvers, scenarios, texts, icons.  Imports nothing of ours.

An update may lay newer data files over those that ship (:func:`lay_over`): it was verified before, and lies in memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from os import PathLike, fspath
from typing import IO, Any, Final

_DATA: Final = ".toml"


class _Layers:
    """What lies over the shipped files: the one thing here that changes, once, when the program starts."""

    def __init__(self) -> None:
        self.newer: Mapping[str, bytes] = {}


_layers = _Layers()


def lay_over(newer: Mapping[str, bytes]) -> None:
    """Let these files, by their path below this package, stand in place of the shipped ones from now on; none: only the shipped ones."""
    _layers.newer = dict(newer)


def shipped(*parts: str) -> Traversable:
    """Return the shipped resource that ``parts`` name, whatever lies over it."""
    return files(__name__).joinpath(*parts)


def path(*parts: str) -> Traversable:
    """Return the resource below this package that ``parts`` name, as a readable path."""
    return layered(_layers.newer).joinpath(*parts) if _layers.newer else shipped(*parts)


def text(*parts: str) -> str:
    """Return the UTF-8 text of a resource."""
    return path(*parts).read_text(encoding="utf-8")


def layered(newer: Mapping[str, bytes]) -> Traversable:
    """Return this package as it is with ``newer`` files laid over it.

    A folder of which they hold a file takes its data files (``.toml``) from them alone: what they leave out is gone.  Everything
    else is what ships, such as the certificates that a service's file names.
    """
    return _Layered(shipped(), newer, ())


class _Layered(Traversable):
    """One file or folder of the shipped ones with newer ones over them."""

    def __init__(self, below: Traversable, newer: Mapping[str, bytes], parts: tuple[str, ...]) -> None:
        self._below = below
        self._newer = newer
        self._parts = parts

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self._parts[-1] if self._parts else self._below.name

    @property
    def _key(self) -> str:
        return "/".join(self._parts)

    @property
    def _own(self) -> bytes | None:
        """Return the newer content, or None where the shipped one counts.  Raises FileNotFoundError for what is gone."""
        folder = "/".join(self._parts[:-1])
        if self._key in self._newer:
            return self._newer[self._key]
        if folder and self.name.endswith(_DATA) and any(each.startswith(f"{folder}/") for each in self._newer):
            raise FileNotFoundError(self._key)
        return None

    def iterdir(self) -> Iterator[Traversable]:
        """Yield what is in the folder."""
        prefix = f"{self._key}/" if self._parts else ""
        names = {each.removeprefix(prefix).partition("/")[0] for each in self._newer if each.startswith(prefix)}
        names |= {each.name for each in self._below.iterdir()}
        for each in sorted(names):
            found = self.joinpath(each)
            if found.is_file() or found.is_dir():
                yield found

    def joinpath(self, *descendants: str | PathLike[str]) -> Traversable:
        """Return what lies below."""
        parts = [part for each in descendants for part in fspath(each).split("/") if part]
        return _Layered(self._below.joinpath(*parts) if parts else self._below, self._newer, (*self._parts, *parts))

    def __truediv__(self, child: str | PathLike[str]) -> Traversable:
        return self.joinpath(child)

    def is_dir(self) -> bool:
        """Tell whether it is a folder."""
        return self._below.is_dir() or any(each.startswith(f"{self._key}/") for each in self._newer)

    def is_file(self) -> bool:
        """Tell whether it is a file."""
        try:
            return self._own is not None or self._below.is_file()
        except FileNotFoundError:
            return False

    def read_bytes(self) -> bytes:
        """Return the content."""
        own = self._own
        return self._below.read_bytes() if own is None else own

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return the content as text."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict").replace("\r\n", "\n")

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:  # noqa: ANN401 - as the protocol has it
        """Return the content as a file to be read."""
        content = io.BytesIO(self.read_bytes())
        return content if "b" in mode else io.TextIOWrapper(content, *args, **kwargs)
