"""Rules of what lies before a proxy: the page that holds its key, and the first proxy of a chain of two.

What dies behind the first proxy does not die on this computer's line: nobody who watches that line is accused of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import BAD_REDIRECT, DEATHS, HTTP_FAILED
from diagnostics.judge.evidence import Finding, ids
from diagnostics.model import Cause, Certainty, Observation, Status

AUTH: Final = "proxy_authentication_failed"
WRONG_PROTOCOL: Final = "proxy_wrong_protocol"
BAD_REPLY: Final = "proxy_bad_reply"
NOT_SUPPORTED: Final = "proxy_not_supported"
"""Failures of ``routes/tunnel.py``; the judge reads them from reports and imports no dialer."""

_NO_KEY: Final = frozenset({BAD_REPLY, BAD_REDIRECT, HTTP_FAILED})


def before_the_proxy(steps: Sequence[Observation]) -> Finding | None:
    """Return what is to be said of the ``proxy`` steps before the last proxy was spoken to, or nothing."""
    return _key_page(steps) or _first_of_two(steps) or _second_of_two(steps)


def _failed(steps: Sequence[Observation]) -> list[Observation]:
    """Return the steps if all of them failed."""
    failed = [o for o in steps if o.failure]
    return failed if len(failed) == len(steps) else []


def _key_page(steps: Sequence[Observation]) -> Finding | None:
    failed = _failed([o for o in steps if o.detail.get("stage") == "key"])
    if not failed:
        return None
    if any(o.failure == NOT_SUPPORTED for o in failed):
        return Finding(status=Status.NOT_TESTED, rule="route.needs_its_own_client", certainty=Certainty.NONE, evidence=ids(failed))
    if all(o.failure in _NO_KEY for o in failed):
        return _down("route.key_page_unreadable", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, failed)
    return _down("route.key_page_out_of_reach", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, failed)


def _first_of_two(steps: Sequence[Observation]) -> Finding | None:
    failed = _failed([o for o in steps if o.detail.get("stage") == "onward"])
    if not failed:
        return None
    failures = {o.failure for o in failed}
    if AUTH in failures:
        return _down("route.first_login_refused", Cause.PROXY_AUTH, Certainty.CERTAIN, failed)
    if failures & {WRONG_PROTOCOL, BAD_REPLY}:
        return _down("route.first_other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, failed)
    return _down("route.second_out_of_reach", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, failed)


def _second_of_two(steps: Sequence[Observation]) -> Finding | None:
    """Judge a second proxy that dies: the first said yes, which proves nothing."""
    second = [o for o in steps if o.detail.get("hop") == 2]
    for stage in ("secure", "open"):
        failed = _failed([o for o in second if o.detail.get("stage") == stage])
        if failed and all(o.failure in DEATHS for o in failed):
            return _down("route.second_out_of_reach", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, failed)
    return None


def _down(rule: str, cause: Cause, certainty: Certainty, failed: Sequence[Observation]) -> Finding:
    return Finding(status=Status.DOWN, rule=rule, cause=cause, certainty=certainty, evidence=tuple(ids(failed)))
