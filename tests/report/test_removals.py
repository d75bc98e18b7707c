"""The list of what was removed: complete, and without the thing itself."""

from __future__ import annotations

import msgspec

from diagnostics.model import Observation, Report, Step
from diagnostics.report.redaction import redacted
from diagnostics.report.removals import MOST_PLACES
from tests.report import documents
from tests.report.documents import SECRETS

CLEAN = redacted(documents.report(), secrets=SECRETS)


def test_each_removal_says_what_stands_there_how_often_and_where() -> None:
    by_shown = {(each.kind, each.shown): each for each in CLEAN.removals}
    own = by_shown["resolver", "192.168.255.1"]
    assert own.times > 1
    assert "observations[].detail.answers[]" in own.places
    assert by_shown["resolver", "[resolver 2]"].places == ("observations[].detail.addresses[]", "observations[].address")
    assert by_shown["home", "[home]"].places == ("observations[].detail.home",)
    assert by_shown["network_name", "[network]"].times == 1


def test_the_list_holds_every_kind_that_was_counted() -> None:
    assert {each.kind for each in CLEAN.removals} == set(CLEAN.removed)
    assert all(each.times >= 1 and each.places for each in CLEAN.removals)


def test_the_list_does_not_say_what_it_is_about() -> None:
    text = msgspec.json.encode(CLEAN.removals).decode().lower()
    for personal in (*documents.SECRETS.addresses, documents.PROVIDERS_RESOLVER, "marisol", "otra red", "perez", "abc123", "familia"):
        assert personal.lower() not in text


def test_a_key_that_holds_a_secret_stands_in_no_place() -> None:
    seen = Observation(id="o1", step=Step.QUIC, detail={f"marisol {documents.OWN}": {"inner": documents.OWN}})
    (places,) = {each.places for each in redacted(Report(observations=(seen,)), secrets=SECRETS).removals if each.kind == "address"}
    assert places == ("observations[].detail", "observations[].detail.[user] 192.168.255.1.inner")


def test_the_same_thing_a_thousand_times_is_one_line() -> None:
    many = tuple(Observation(id=f"o{n}", step=Step.QUIC, detail={f"key{n}": documents.OWN}) for n in range(1000))
    (removal,) = redacted(Report(observations=many), secrets=SECRETS).removals
    assert (removal.times, len(removal.places)) == (1000, MOST_PLACES)
