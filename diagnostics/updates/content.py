"""Whether the program could work with the data of a bundle: read by the very readers that would use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from typing import Final

import resources
from diagnostics.advice.tips import load_tips
from diagnostics.catalog import load_catalog
from diagnostics.errors import InputError
from diagnostics.phrases import read_phrases
from diagnostics.plan import DEFAULT_TARGETS, make_plan
from diagnostics.routes.local_clients import read_clients
from diagnostics.updates.manifest import Refusal, RefusedError
from diagnostics.vpn.protection.data import read_outlooks
from diagnostics.vpn.state.clients import read_names
from diagnostics.workarounds.exits import read_exits


def _catalog(root: Traversable) -> None:
    """Read services, resolvers and controls, and plan the usual test with them."""
    make_plan(DEFAULT_TARGETS, [], load_catalog(root))


def _tips(root: Traversable) -> None:
    load_tips(root.joinpath("tips"))


def _phrases(root: Traversable) -> None:
    read_phrases(root.joinpath("pages.toml").read_text(encoding="utf-8"), "resources/pages.toml")


def _programs(root: Traversable) -> None:
    read_clients(root.joinpath("local_proxies.toml").read_text(encoding="utf-8"), "resources/local_proxies.toml")


def _exits(root: Traversable) -> None:
    read_exits(root.joinpath("exits.toml").read_text(encoding="utf-8"), "resources/exits.toml")


def _vpn_clients(root: Traversable) -> None:
    read_names(root.joinpath("vpn_clients.toml").read_text(encoding="utf-8"), "resources/vpn_clients.toml")


def _outlooks(root: Traversable) -> None:
    read_outlooks(root.joinpath("protection.toml").read_text(encoding="utf-8"), "resources/protection.toml")


READERS: Final[tuple[Callable[[Traversable], None], ...]] = (_catalog, _tips, _phrases, _programs, _exits, _vpn_clients, _outlooks)
"""One for each kind of file in ``manifest.FOLDERS`` and ``manifest.SINGLE``; each raises InputError for what it cannot use."""


def check_content(files: Mapping[str, bytes]) -> None:
    """Raise RefusedError unless every reader accepts ``files``, laid over what ships."""
    root = resources.layered(files)
    try:
        for reader in READERS:
            reader(root)
    except InputError as error:
        raise RefusedError(Refusal.UNUSABLE, str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(Refusal.UNUSABLE, type(error).__name__) from error
