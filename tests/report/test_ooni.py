"""Reports of real runs over simulated networks as OONI measurements: what is claimed, what is not, and what OONI's own reader sees."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import run
from diagnostics.errors import InputError
from diagnostics.model import DIRECT, OUTSIDE, Cause, Certainty, Endpoint, Function, Probe, Report, Service, Status, Step, Verdict
from diagnostics.report import ooni
from diagnostics.report.contract import dump, load
from diagnostics.report.ooni import ooni_lines
from diagnostics.report.ooni_keys import NO_CONTROL, web_connectivity
from diagnostics.report.ooni_records import Records, binary
from diagnostics.report.ooni_seen import Seen
from diagnostics.report.redaction import redacted
from diagnostics.report.secrets import Secrets
from diagnostics.sim.scenario import load_scenarios
from tests.conftest import RunAsync
from tests.report import documents
from tests.simulated import measured, shipped

READER: Final = Path(__file__).with_name("ooni_reader.py")
TYPED: Final = "https://es.wikipedia.org/wiki/Clave?de=marisol"
SECRETS: Final = Secrets(user_names=frozenset({"marisol"}))
REQUIRED: Final = {
    *("input", "measurement_start_time", "test_start_time", "probe_asn", "probe_cc", "report_id", "software_name", "software_version"),
    *("test_keys", "test_name", "test_runtime", "test_version", "data_format_version", "annotations", "probe_ip", "extensions"),
}

Document = dict[str, Any]


@functools.cache
def report_of(scenario: str) -> Report:
    """Return the report of a scenario as it is handed on."""
    return redacted(load(dump(shipped(scenario))), secrets=SECRETS).report


async def typed_and_messenger(scenario: str) -> Report:
    """Return the report of a run that asks for what no scenario asks for."""
    return await measured(load_scenarios()[scenario], "x", "messenger", urls=[TYPED])


def documents_of(report: Report) -> list[Document]:
    """Return the measurements of a report."""
    return [json.loads(line) for line in ooni_lines(report)]


def page(found: list[Document], url: str) -> Document:
    """Return the measurement of one page."""
    return next(document for document in found if document["input"] == url)


def app(found: list[Document], test: str) -> Document:
    """Return the keys of a test that OONI has for one app."""
    keys: Document = next(document for document in found if document["test_name"] == test)["test_keys"]
    return keys


def claims(document: Document) -> tuple[Any, Any]:
    """Return what a page's measurement claims."""
    return document["test_keys"]["blocking"], document["test_keys"]["accessible"]


def test_an_open_line_is_written_as_accessible_from_whole_pages_under_valid_certificates() -> None:
    found = documents_of(report_of("open"))
    x = page(found, "https://x.com/")
    assert claims(x) == (False, True)
    assert x["test_keys"]["dns_consistency"] == "consistent"
    assert x["test_keys"]["requests"][0]["response"]["code"] == 200
    whatsapp, telegram, signal = (app(found, name) for name in ("whatsapp", "telegram", "signal"))
    assert [whatsapp[f"{what}_status"] for what in ("registration_server", "whatsapp_endpoints", "whatsapp_web")] == ["ok"] * 3
    assert whatsapp["whatsapp_endpoints_blocked"] == []
    assert (telegram["telegram_tcp_blocking"], telegram["telegram_http_blocking"], telegram["telegram_web_status"]) == (False, None, "ok")
    assert (signal["signal_backend_status"], signal["signal_backend_failure"]) == ("ok", None)


def test_messenger_is_reachable_where_a_valid_certificate_was_had_and_what_was_not_asked_for_is_left_open(run_async: RunAsync) -> None:
    messenger = app(documents_of(run_async(typed_and_messenger("open"))), "facebook_messenger")
    assert messenger["facebook_edge_dns_consistent"] is True
    assert messenger["facebook_edge_reachable"] is True
    assert messenger["facebook_star_reachable"] is None  # not asked for
    assert messenger["facebook_stun_reachable"] is None  # only its name was asked for
    assert messenger["facebook_tcp_blocking"] is None  # hence not all that OONI's test asks for was seen


def test_lying_names_are_dns_blocking_for_those_names_alone() -> None:
    found = documents_of(report_of("ve-2024-08"))
    x = page(found, "https://x.com/")
    assert claims(x) == ("dns", False)
    assert x["test_keys"]["dns_consistency"] == "inconsistent"
    assert x["test_keys"]["dns_experiment_failure"] == "dns_bogon_error"
    lied = [q for q in x["test_keys"]["queries"] if q["engine"] == "getaddrinfo" and q["query_type"] == "A"]
    assert [answer["ipv4"] for query in lied for answer in query["answers"]] == ["127.0.0.1"]
    assert claims(page(found, "https://t.co/")) == (False, True)
    assert app(found, "whatsapp")["whatsapp_web_status"] == "ok"


def test_a_name_that_kills_the_handshake_is_an_http_failure() -> None:
    x = page(documents_of(report_of("sni-reset")), "https://x.com/")
    assert claims(x) == ("http-failure", False)
    keys = x["test_keys"]
    assert (keys["dns_experiment_failure"], keys["http_experiment_failure"], keys["dns_consistency"]) == (None, "connection_reset", None)
    assert {h["failure"] for h in keys["tls_handshakes"]} == {"connection_reset"}
    assert {h["server_name"] for h in keys["tls_handshakes"]} == {"x.com"}  # another name's handshake is no measurement of this one
    elsewhere = x["x_atajo"]["compared_with"]["tls_handshakes"]
    assert [(h["server_name"], h["failure"], h["tags"]) for h in elsewhere] == [("x.com", "connection_reset", ["purpose=control_address"])]
    assert not {h["address"] for h in elsewhere} & {h["address"] for h in keys["tls_handshakes"]}
    assert {c["status"]["blocked"] for c in keys["tcp_connect"]} == {None}


def test_an_expired_certificate_is_written_as_a_failure_and_not_as_blocking() -> None:
    x = page(documents_of(report_of("expired-certificate")), "https://x.com/")
    assert claims(x) == (None, None)
    assert x["test_keys"]["http_experiment_failure"] == "ssl_invalid_certificate"
    assert x["x_atajo"]["verdicts"][0]["cause"] == "server_fault"


@pytest.mark.parametrize("scenario", ["offline", "captive-portal"])
def test_a_line_that_shows_nothing_is_claimed_nothing_about(scenario: str) -> None:
    for document in documents_of(report_of(scenario)):
        keys = document["test_keys"]
        told = [v for name, v in keys.items() if name.startswith(("whatsapp_", "registration_", "telegram_", "signal_", "facebook_"))]
        told += [keys.get("blocking"), keys.get("accessible"), keys.get("dns_consistency")]
        assert not [value for value in told if value not in (None, [])], (document["test_name"], document["input"])


@pytest.mark.parametrize("scenario, cause", [("tls-interception", "tls_interception"), ("wrong-clock", "wrong_clock")])
def test_what_onis_words_do_not_fit_is_left_to_our_own(scenario: str, cause: str) -> None:
    x = page(documents_of(report_of(scenario)), "https://x.com/")
    assert claims(x) == (None, None)
    assert x["test_keys"]["dns_consistency"] is None
    assert {verdict["cause"] for verdict in x["x_atajo"]["verdicts"]} == {cause}


def test_a_notice_in_place_of_the_page_is_another_answer_and_not_an_accessible_page() -> None:
    urls = ("http://uno.example/", "http://dos.ejemplo/")
    found = documents_of(report_of("block-page-clear"))
    assert [claims(page(found, url)) for url in urls] == [("http-diff", False)] * 2


@pytest.mark.parametrize("named, claimed", [("o2", (False, True)), ("o9", (None, None))])
def test_a_page_in_clear_text_is_accessible_only_where_the_verdict_names_that_very_page(named: str, claimed: tuple[Any, Any]) -> None:
    """Of two pages of which one is enough, the other may be a notice."""
    page_seen = {"port": 80, "url": "http://uno.example/", "status": 200, "complete": True, "purpose": "target"}
    seen = Seen(
        [
            documents.dns(1, "uno.example", ["93.184.216.34"], target="uno"),
            documents.observation(Step.HTTP, 2, target="uno", host="uno.example", address="93.184.216.34", detail=page_seen),
        ]
    )
    works = Verdict(target="uno", function="web", status=Status.WORKS, certainty=Certainty.CERTAIN, evidence=(named,))
    keys = web_connectivity(seen, works, Endpoint(host="uno.example", port=80, probe=Probe.HTTP))
    assert (keys["blocking"], keys["accessible"]) == claimed


def test_what_only_looks_blocked_is_claimed_neither_way() -> None:
    found = documents_of(report_of("ip-blackhole"))
    x = page(found, "https://x.com/")
    assert x["x_atajo"]["verdicts"][0]["status"] == "likely_blocked"
    assert claims(x) == (None, None)
    assert {c["status"]["blocked"] for c in x["test_keys"]["tcp_connect"]} == {None}
    assert x["test_keys"]["http_experiment_failure"] == "generic_timeout_error"


def test_addresses_that_are_certainly_blocked_are_marked_one_by_one() -> None:
    """Certain only once another way reaches them: here the verdict is made so."""
    report = report_of("ve-telegram-ranges-2025-05")
    keys = app(documents_of(report), "telegram")
    assert (keys["telegram_tcp_blocking"], keys["telegram_web_status"]) == (None, "ok")
    sure = tuple(
        msgspec.structs.replace(v, status=Status.BLOCKED, certainty=Certainty.CERTAIN) if v.cause is Cause.IP_BLOCKED else v
        for v in report.verdicts
    )
    keys = app(documents_of(msgspec.structs.replace(report, verdicts=sure)), "telegram")
    assert (keys["telegram_tcp_blocking"], keys["telegram_web_status"]) == (True, "ok")
    marked = [c for c in keys["tcp_connect"] if c["status"]["blocked"]]
    assert {c["ip"] for c in marked} >= {"149.154.175.50", "149.154.167.51"}
    assert {c["status"]["success"] for c in marked} == {False}


def test_the_same_report_gives_the_same_bytes_and_another_run_other_ids() -> None:
    report = report_of("open")
    assert list(ooni_lines(report)) == list(ooni_lines(load(dump(report))))
    other = msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, id="another"))
    ours, theirs = documents_of(report), documents_of(other)
    assert not {d["report_id"] for d in ours} & {d["report_id"] for d in theirs}
    assert len({d["id"] for d in ours}) == len(ours)
    assert not [d for d in ours if report.run.id in json.dumps(d)]


def test_every_measurement_has_what_readers_need_and_poses_as_nobody_elses() -> None:
    for document in documents_of(report_of("ve-2024-08")):
        assert set(document) >= REQUIRED
        assert (document["data_format_version"], document["software_name"]) == ("0.2.0", "atajo")
        assert (document["probe_ip"], document["probe_asn"], document["probe_cc"]) == ("127.0.0.1", "AS0", "ZZ")
        assert document["annotations"]["x_atajo_simulated"] == "ve-2024-08"
        keys = document["test_keys"]
        if document["test_name"] == "web_connectivity":
            assert (keys["control"], keys["control_failure"]) == (None, NO_CONTROL)
        records = [r for name in ("queries", "tcp_connect", "tls_handshakes", "requests") for r in keys[name]]
        assert records
        assert min(r["t0"] for r in records) >= 0
        assert all(r["t0"] <= r["t"] <= document["test_runtime"] + 0.001 for r in records)
        began = [r["t0"] for r in keys["requests"]]
        assert began == sorted(began, reverse=True)


def test_a_page_and_its_connection_belong_to_one_transaction() -> None:
    keys = page(documents_of(report_of("open")), "https://x.com/")["test_keys"]
    request = keys["requests"][0]
    (handshake,) = [h for h in keys["tls_handshakes"] if h["transaction_id"] == request["transaction_id"]]
    (connection,) = [c for c in keys["tcp_connect"] if c["transaction_id"] == request["transaction_id"]]
    assert f"{connection['ip']}:{connection['port']}" == handshake["address"] == request["address"]
    assert request["alpn"] == handshake["negotiated_protocol"]


def test_nothing_of_the_person_comes_back_and_no_other_way_than_the_direct_one_is_written(run_async: RunAsync) -> None:
    report = redacted(run_async(typed_and_messenger("open")), secrets=SECRETS).report
    text = b"".join(ooni_lines(report)).decode()
    for personal in ("marisol", "Clave", "192.168.1.1"):
        assert personal not in text
    assert "https://es.wikipedia.org/[1]" in text
    elsewhere = tuple(msgspec.structs.replace(o, route=OUTSIDE) if o.target == "x" else o for o in report.observations)
    moved = msgspec.structs.replace(report, observations=elsewhere)
    assert not [d for d in documents_of(moved) if d["x_atajo"]["target"] == "x" and d["test_keys"]["requests"]]
    assert {o.route for o in report.observations} == {DIRECT}


def test_a_resolver_that_was_taken_out_is_written_in_onis_word_for_it() -> None:
    clean = redacted(documents.report(), secrets=documents.SECRETS).report
    found = documents_of(clean)
    places = {q["resolver_address"] for d in found for q in d["test_keys"]["queries"]}
    assert "[scrubbed]:53" in places
    assert "8.8.8.8:53" in places


def test_a_second_different_answer_to_one_question_is_kept_apart() -> None:
    question = documents.dns(1, "x.com", ["127.0.0.1"], address="200.44.32.12", target="x")
    replies = [{"after": 0.01, "rcode": "NOERROR", "answers": [text]} for text in ("127.0.0.1", documents.TRUE_X)]
    injected = msgspec.structs.replace(question, detail={**question.detail, "replies": replies})
    records = Records([injected], zero=0.0)
    assert [a["ipv4"] for q in records.queries for a in q["answers"]] == ["127.0.0.1"]
    assert [a["ipv4"] for q in records.duplicates for a in q["answers"]] == [documents.TRUE_X]


def test_what_is_no_utf8_is_written_in_base64() -> None:
    assert binary("nginx") == "nginx"
    assert binary(b"caf\xe9".decode("utf-8", "surrogateescape")) == {"format": "base64", "data": "Y2Fm6Q=="}
    assert binary("\ud800") == {"format": "base64", "data": "7aCA"}


def test_half_a_character_in_a_typed_address_does_not_end_the_export() -> None:
    report = documents.report()
    odd = tuple(
        msgspec.structs.replace(o, detail={**o.detail, "title": "\udce9"}) if o.step.value == "http" else o for o in report.observations
    )
    assert documents_of(msgspec.structs.replace(report, observations=odd))


@pytest.mark.parametrize("started", ["", "0001-01-01T00:00:00+14:00", "2026-08-10", "9999-12-31T23:59:59Z"])
def test_an_odd_moment_does_not_end_the_export(started: str) -> None:
    report = documents.report()
    late = tuple(msgspec.structs.replace(o, t=1e7) for o in report.observations)
    odd = msgspec.structs.replace(report, run=msgspec.structs.replace(report.run, started=started), observations=late)
    for document in documents_of(odd):
        assert len(document["measurement_start_time"]) == len("2026-08-10 15:04:00")


def test_a_strangers_plan_that_repeats_one_page_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ooni, "MOST_STEPS", 2_000)
    report = documents.report()
    endpoints = tuple(Endpoint(host="x.com", path=f"/{number}") for number in range(500))
    service = Service(id="x", functions=(Function(id="web", endpoints=endpoints),))
    hostile = documents.observation(Step.SYSTEM, 99, detail={"kind": "plan", "targets": msgspec.to_builtins((service,))})
    once = msgspec.structs.replace(report, observations=(*report.observations, hostile))
    assert len([d for d in documents_of(once) if d["x_atajo"]["target"] == "x"]) == ooni.MOST_PAGES
    questions = tuple(documents.dns(number, "x.com", ["127.0.0.1"], target="x") for number in range(100, 900))
    with pytest.raises(InputError) as caught:
        documents_of(msgspec.structs.replace(once, observations=(*once.observations, *questions)))
    assert caught.value.text == "error.report_too_big"


# --- OONI's own reader ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readers_python() -> Path:
    """Return the interpreter of the environment with OONI's package; made first where there is none."""
    folder = run.environment_folder("ooni")
    if not run.is_ready(folder):
        try:
            run.set_up("ooni", folder)
        except run.SetUpError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the environment with OONI's reader cannot be made: {error}")
    return run.python_of(folder)


def read(python: Path, report: Report) -> list[Document]:
    """Return what OONI's reader makes of a report's measurements."""
    lines = b"".join(ooni_lines(report))
    done = subprocess.run([str(python), "-P", "-s", str(READER)], input=lines, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    found: list[Document] = json.loads(done.stdout)
    assert len(found) == lines.count(b"\n")
    return found


def test_onis_reader_loads_every_measurement_as_its_own_kind(readers_python: Path, run_async: RunAsync) -> None:
    found = [d for report in (report_of("open"), run_async(typed_and_messenger("open"))) for d in read(readers_python, report)]
    assert {d["class"] for d in found} == {"WebConnectivity", "Whatsapp", "Telegram", "Signal", "FacebookMessenger"}
    x = page(found, "https://x.com/")
    assert (x["keys"]["blocking"], x["keys"]["accessible"]) == (False, True)
    assert (x["bogons"], x["answered"], x["handshakes"]) == ([], ["x.com"], ["ok"])
    assert x["pages"][-1] == {"url": "https://x.com/", "failure": None, "code": 200, "type": "text/html; charset=utf-8"}
    assert x["connected"] >= 1
    keys = {d["class"]: d["keys"] for d in found}
    assert keys["Whatsapp"]["whatsapp_endpoints_status"] == keys["Whatsapp"]["registration_server_status"] == "ok"
    assert keys["Signal"]["signal_backend_status"] == "ok"
    assert keys["Telegram"]["telegram_tcp_blocking"] is False
    assert keys["FacebookMessenger"]["facebook_edge_reachable"] is True


def test_onis_reader_sees_the_lie_in_the_answers_themselves(readers_python: Path) -> None:
    x = page(read(readers_python, report_of("ve-2024-08")), "https://x.com/")
    assert (x["keys"]["blocking"], x["keys"]["accessible"], x["keys"]["dns_consistency"]) == ("dns", False, "inconsistent")
    assert x["bogons"] == ["127.0.0.1"]  # by the reader's own list
    assert x["keys"]["dns_experiment_failure"] == "dns_bogon_error"


def test_onis_reader_sees_handshakes_that_were_reset(readers_python: Path) -> None:
    x = page(read(readers_python, report_of("sni-reset")), "https://x.com/")
    assert (x["keys"]["blocking"], x["keys"]["accessible"]) == ("http-failure", False)
    assert x["handshakes"] == ["connection_reset"]
    assert (x["bogons"], x["pages"]) == ([], [])
    assert x["connected"] == x["records"]["tcp_connect"]


def test_onis_reader_loads_a_run_without_internet_and_finds_no_claim(readers_python: Path) -> None:
    found = read(readers_python, report_of("offline"))
    assert {d["keys"].get("blocking") for d in found} == {None}
    assert {d["keys"].get("accessible") for d in found} == {None}
