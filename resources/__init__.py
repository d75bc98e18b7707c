"""Data that ships with Atajo: services, resolvers, scenarios, texts, icons.  Imports nothing of ours."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def path(*parts: str) -> Traversable:
    """Return the resource below this package that ``parts`` name, as a readable path."""
    return files(__name__).joinpath(*parts)


def text(*parts: str) -> str:
    """Return the UTF-8 text of a resource."""
    return path(*parts).read_text(encoding="utf-8")
