"""What ways round are called, and how they went: every kind of id, in both languages, and ids from the future."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from app import samples, way_words
from app.texts import set_language, t
from app.way_words import WayGroup, filter_sentence, passed_sentence, resolver_label, way_label, way_rows
from diagnostics.catalog import load_catalog
from diagnostics.judge.filters import FilterKind
from diagnostics.model import Observation, Report, Status, Step, Workaround
from diagnostics.workarounds.identity import ENGINES, LAYOUTS, PLAIN_FLIGHTS, parse_way


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")
    yield
    set_language("es")


EVERY = (
    *(f"{engine}:quad9" for engine in ENGINES),
    *LAYOUTS,
    *PLAIN_FLIGHTS,
    *("name:mobile.x.com", "port:8443", "route:socks5-1234", "exit:tor-browser", "doh:quad9|rec:snimid", "udp:quad9|browser"),
)


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_kind_of_way_has_a_name_of_its_own(language: str) -> None:
    set_language(language)
    report = samples.ways_round()
    labels = {way: way_label(way, report) for way in EVERY}
    assert all(parse_way(way) for way in EVERY)
    assert len(set(labels.values())) == len(EVERY)
    assert [way for way, label in labels.items() if label == way] == []


@pytest.mark.parametrize(
    "way, label",
    [
        ("doh:quad9", "Quad9, cifrada, como página (DoH)"),
        ("dot:never-heard-of", "Never Heard Of, cifrada, con puerto propio (DoT)"),
        ("seg:1,snimid", "Saludo en varios paquetes (seg:1,snimid)"),
        ("doh:quad9|rec:snimid", "Quad9, cifrada, como página (DoH) + Saludo en dos registros, partido dentro del nombre"),
        ("port:8443", "Por otro puerto: 8443"),
        ("exit:tor-browser", "Llegar a Tor Browser"),
        ("warp:7", "warp:7"),
        ("doh:", "doh:"),
        ("", ""),
        ("a\x00b\nc", "a b c"),
    ],
)
def test_ways_are_called_plainly_and_unknown_ones_by_their_id(way: str, label: str) -> None:
    assert way_label(way, samples.ways_round()) == label


def test_a_proxy_is_called_as_the_person_calls_it() -> None:
    assert way_label("route:socks5-1234", Report(), {"socks5-1234": "oficina"}) == "Por tu proxy: «oficina»"


def test_a_row_has_its_group_place_and_words() -> None:
    rows = {row.id: row for row in way_rows(samples.ways_round(), "x")}
    assert (rows["doh-name:adguard"].group, rows["doh-name:adguard"].engine, rows["doh-name:adguard"].resolver) == (
        *(WayGroup.NAMES, "doh-name", "adguard"),
    )
    assert rows["doh:quad9|rec:snimid"].group is WayGroup.FLIGHT
    assert rows["doh:quad9|rec:snimid"].resolver == ""
    assert rows["browser"].group is WayGroup.FLIGHT
    assert rows["warp:7"].group is rows["h3"].group is rows["exit:tor-browser"].group is WayGroup.OTHER
    assert rows["rec:snimid"].outcome == "Funciona en 0,4\u00a0s"
    assert rows["rec:snimid"].cell == "0,4\u00a0s"
    assert rows["browser"].outcome == "1 de 3 veces, en 0,5\u00a0s"
    assert rows["browser"].cell == "1 de 3"
    assert (rows["seg:snimid"].outcome, rows["port:8443"].outcome, rows["ipv6"].outcome) == ("No pasó", "No se sabe", "No se probó")
    assert rows["ipv6"].spoken == "Por IPv6: no se probó"


def test_what_works_comes_first_and_other_targets_do_not_come_at_all() -> None:
    tried = (*samples.ways_round().workarounds, Workaround(id="h3", target="whatsapp", status=Status.WORKS))
    rows = way_rows(msgspec.structs.replace(samples.ways_round(), workarounds=tried), "x")
    assert {row.id for row in rows} == {each.id for each in samples.ways_round().workarounds}
    flights = [row.status for row in rows if row.group is WayGroup.FLIGHT]
    assert flights == sorted(flights, key=[Status.WORKS, Status.PARTIAL, Status.BLOCKED].index)
    assert way_rows(samples.ways_round(), "nobody") == ()


def test_a_status_from_the_future_is_shown_as_it_is_and_a_repeated_id_once() -> None:
    tried = (Workaround(id="h3", target="x", status=Status("shimmering")), Workaround(id="h3", target="x", status=Status.WORKS))
    (row,) = way_rows(Report(workarounds=tried), "x")
    assert row.outcome == "shimmering"


@pytest.mark.parametrize("seconds", [float("nan"), -1.0, 0.0, float("inf")])
def test_a_time_that_cannot_be_is_no_time(seconds: float) -> None:
    (row,) = way_rows(Report(workarounds=(Workaround(id="h3", target="x", status=Status.WORKS, seconds=seconds),)), "x")
    assert row.outcome in ("Funciona", "Funciona en \u2013\u00a0s")


def test_two_directories_of_one_operator_are_told_apart() -> None:
    ids = {"quad9": "Quad9", "quad9-unfiltered": "Quad9", "opendns": "OpenDNS", "opendns-doh": "OpenDNS", "a": "Uno", "b": "Uno"}
    plan = {"kind": "plan", "resolvers": [*({"id": ident, "operator": operator} for ident, operator in ids.items()), {"id": 3}, "x"]}
    report = Report(observations=(Observation(id="o1", step=Step.SYSTEM, detail=plan),))
    assert [resolver_label(each, report) for each in ids] == [
        *("Quad9", "Quad9, sin filtro", "OpenDNS", "OpenDNS, entrada segura", "Uno, a", "Uno, b")
    ]
    assert way_label("dot:quad9-unfiltered", report) == "Quad9, sin filtro, cifrada, con puerto propio (DoT)"


def test_every_directory_that_ships_has_a_name_of_its_own_without_an_id_in_it() -> None:
    resolvers = load_catalog().resolvers
    plan = {"kind": "plan", "resolvers": [{"id": each.id, "operator": each.operator} for each in resolvers]}
    report = Report(observations=(Observation(id="o1", step=Step.SYSTEM, detail=plan),))
    names = [resolver_label(each.id, report) for each in resolvers]
    assert len(set(names)) == len(resolvers)
    assert [name for name in names if "-" in name or "(" in name] == []


def test_how_many_ways_passed_is_said_in_one_sentence() -> None:
    tried = [way for way in samples.ways_round().workarounds if way.status is not Status.NOT_TESTED and way.target == "x"]
    passed = sum(way.status is Status.WORKS for way in tried)
    assert passed_sentence(samples.ways_round(), "x") == f"Caminos probados: {len(tried)}. Pasaron: {passed}."
    assert passed_sentence(samples.x_blocked(), "x") == ""


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("kind", list(FilterKind))
def test_every_kind_of_filter_has_its_sentence(kind: FilterKind, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_language(language)
    monkeypatch.setattr(way_words, "_filter_kind", lambda _tried: kind)
    assert len(filter_sentence(samples.ways_round(), "x")) > 20


def test_without_anything_tried_nothing_is_said_of_a_filter() -> None:
    assert filter_sentence(samples.x_blocked(), "x") == ""
    untried = (Workaround(id="h3", target="x", status=Status.NOT_TESTED),)
    assert filter_sentence(msgspec.structs.replace(samples.x_blocked(), workarounds=untried), "x") == ""


def test_the_sentence_is_that_of_the_kind_of_filter_which_the_judge_finds() -> None:
    assert filter_sentence(samples.ways_round(), "x") == t("filter.unknown")
    cut = [("rec:1", Status.BLOCKED), ("rec:snimid", Status.WORKS), ("seg:snimid", Status.BLOCKED)]
    tried = tuple(Workaround(id=way, target="x", status=status, tries=3) for way, status in cut)
    assert filter_sentence(Report(workarounds=tried), "x") == t("filter.reassembles_segments")
