"""A bundle has to be newer than everything before it and of our time; a wrong clock is named and costs nothing."""

from __future__ import annotations

import datetime as dt

import pytest

from diagnostics.updates.bundle import read_bundle
from diagnostics.updates.manifest import Refusal, RefusedError, Standing, judge
from tests.updates.making import DAY, KEYS, MADE, NOW, SHIPPED, SMALL, VERSION, bundle_of

FRESH = Standing(active=SHIPPED, shipped=SHIPPED)
APP = "0.1.0"
BUNDLE = read_bundle([bundle_of(SMALL)], KEYS)


def verdict(standing: Standing, now: dt.datetime = NOW, app: str = APP, digest: str = BUNDLE.digest) -> Refusal | None:
    """Return why the bundle is refused, or None."""
    try:
        judge(BUNDLE.manifest, digest, standing, now, app)
    except RefusedError as refused:
        return refused.why if refused.manifest is BUNDLE.manifest else None
    return None


def test_one_that_is_newer_than_everything_is_taken() -> None:
    assert verdict(FRESH) is None


@pytest.mark.parametrize("standing, why", [
    (Standing(active=VERSION, shipped=SHIPPED, highest=VERSION, digest=BUNDLE.digest), Refusal.SAME),
    (Standing(active=VERSION, shipped=VERSION), Refusal.SAME),
    (Standing(active=VERSION + 1, shipped=SHIPPED), Refusal.OLDER),
    (Standing(active=VERSION + 1, shipped=VERSION + 1), Refusal.OLDER),
    (Standing(active=SHIPPED, shipped=SHIPPED, highest=VERSION + 1, digest="f" * 64), Refusal.OLDER),
])  # fmt: skip
def test_the_same_again_and_anything_older_is_refused(standing: Standing, why: Refusal) -> None:
    assert verdict(standing) is why


def test_what_was_taken_and_got_lost_may_be_taken_again_but_no_other_of_that_version() -> None:
    lost = Standing(active=SHIPPED, shipped=SHIPPED, highest=VERSION, digest=BUNDLE.digest)
    assert verdict(lost) is None
    assert verdict(lost, digest="0" * 64) is Refusal.SAME


def test_it_is_taken_until_it_expires_and_no_longer() -> None:
    assert verdict(FRESH, BUNDLE.manifest.expires - dt.timedelta(seconds=1)) is None
    assert verdict(FRESH, BUNDLE.manifest.expires) is Refusal.EXPIRED
    assert verdict(FRESH, NOW + 9999 * DAY) is Refusal.EXPIRED


def test_a_clock_that_is_behind_is_told_from_everything_else_but_a_wrong_time_zone_is_none() -> None:
    assert verdict(FRESH, MADE - 0.5 * DAY) is None
    assert verdict(FRESH, MADE - 2 * DAY) is Refusal.CLOCK
    assert verdict(FRESH, dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) is Refusal.CLOCK


def test_a_wrong_clock_hides_neither_that_it_is_old_nor_that_it_is_here() -> None:
    for now in (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), NOW + 9999 * DAY):
        assert verdict(Standing(active=VERSION, shipped=SHIPPED), now) is Refusal.SAME
        assert verdict(Standing(active=VERSION + 1, shipped=SHIPPED), now) is Refusal.OLDER


@pytest.mark.parametrize("app, taken", [("0.0.9", False), ("0.1", False), ("0.1.0", True), ("0.10", True), ("1", True)])
def test_one_for_a_newer_program_is_left_to_that(app: str, *, taken: bool) -> None:
    assert verdict(FRESH, app=app) is (None if taken else Refusal.NEWER_APP)
