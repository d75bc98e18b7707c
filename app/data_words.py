"""What is said of the data in use and of an update."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from app.data_store import Active
from app.data_update import Outcome
from app.texts import join_names, t
from diagnostics.updates.manifest import Refusal


def day(date: dt.date) -> str:
    """Return a day as people write it: «26 nov 2026»."""
    months = t("when.months").split()
    return t("data.day", day=date.day, month=months[date.month - 1], year=date.year)


def as_of(active: Active) -> str:
    """Return how old the information is."""
    return t("data.as_of", date=day(active.day))


def notices(active: Active, now: dt.datetime) -> list[str]:
    """Return what the person should know of the data in use, or nothing."""
    damaged = [t("data.damaged", date=day(active.day))] if active.damaged else []
    return damaged + ([t("data.old")] if active.old(now) else [])


def contacted(hosts: Sequence[str]) -> str:
    """Return who is asked when the button is pressed."""
    return t("data.contacts", names=join_names(hosts)) if hosts else t("data.refused.no_source")


def told(outcome: Outcome, active: Active, today: dt.date, names: Mapping[str, str] | None = None) -> list[str]:
    """Return how an update ended, in sentences; ``active`` was in use before, ``names`` are what the person calls proxies."""
    if outcome.taken is not None:
        said = [t("data.done", date=day(outcome.taken.day))]
        return said + ([t(f"data.road.{outcome.road}", name=_proxy(outcome.proxy, names))] if outcome.road else [])
    if outcome.stopped:
        return [t("data.stopped"), t("data.kept", date=day(active.day))]
    why = outcome.refusal or Refusal.NOT_REACHED
    values = {
        "today": day(today),
        "offered": day(outcome.offered) if outcome.offered else "",
        "expires": day(outcome.expires) if outcome.expires else "",
    }
    said = [t(f"data.refused.{why.value}", **values)]
    return [*said, t("data.kept", date=day(active.day))] if why is not Refusal.SAME else said


def _proxy(route: str, names: Mapping[str, str] | None) -> str:
    return (names or {}).get(route) or route
