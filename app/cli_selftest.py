"""``--selftest``: is everything here that Atajo needs?  For packages and for support; touches no network."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Final

from app import __version__, cli
from app.terminal import Terminal
from app.texts import LANGUAGES, catalogue, t
from diagnostics.errors import InputError

LIBRARIES: Final = (
    *("dns.message", "h11", "msgspec", "cryptography.x509", "psutil"),
    *("certifi", "platformdirs", "rich.live", "jinja2", "pyrage"),
)
FEWEST_ROOTS: Final = 50
"""Public root certificates; certifi has about 140."""


def selftest(out: Terminal) -> int:
    """Write one line a part and return 0 if nothing is missing, else 1."""
    out.raw(f"Atajo {__version__}")
    results = [_library(name, out) for name in LIBRARIES]
    results += [_report(name, work, out) for name, work in _PARTS.items()]
    if importlib.util.find_spec("PySide6") is None:
        out.raw("  -    PySide6")  # the terminal form does without
    else:
        results.append(_library("PySide6.QtWidgets", out))
    good = all(results)
    out.line(t("cli.selftest.good" if good else "cli.selftest.bad"))
    return cli.OK if good else 1


def _library(name: str, out: Terminal) -> bool:
    def load() -> str:
        importlib.import_module(name)
        return ""

    return _report(name, load, out)


def _report(name: str, work: Callable[[], str], out: Terminal) -> bool:
    try:
        found = work()
    except InputError as error:
        out.raw(f"  --   {name}: {t(error.text, **error.values)}")
        return False
    except (ImportError, OSError, ValueError) as error:
        out.raw(f"  --   {name}: {error}")
        return False
    out.raw(f"  ok   {name} {found}".rstrip())
    return True


def _texts() -> str:
    return ", ".join(f"{code} {len(catalogue(code))}" for code in LANGUAGES)


def _catalog() -> str:
    from diagnostics.catalog import load_catalog

    catalog = load_catalog()
    return f"{len(catalog.services)} services, {len(catalog.resolvers)} resolvers, {len(catalog.controls)} controls"


def _data() -> str:
    from diagnostics.updates.pinned import load_pinned

    pinned = load_pinned()
    return f"{pinned.version}, {len(pinned.keys)} keys, {len(pinned.sources)} sources"


def _scenarios() -> str:
    from diagnostics.sim.scenario import load_scenarios

    return str(len(load_scenarios()))


def _page() -> str:
    from app.report_view import html_page
    from diagnostics.model import Report

    return f"{len(html_page(Report(), LANGUAGES[0]))} characters"


def _roots() -> str:
    from diagnostics.trust import Trust, public_bundle

    count = len(Trust().public.get_ca_certs())
    if count < FEWEST_ROOTS:
        message = f"{count} root certificates in {public_bundle()}"
        raise ValueError(message)
    return f"{count} root certificates"


_PARTS: Final[dict[str, Callable[[], str]]] = {
    "texts": _texts,
    "catalog": _catalog,
    "data updates": _data,
    "scenarios": _scenarios,
    "report page": _page,
    "trust": _roots,
}
