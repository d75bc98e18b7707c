"""The catalog: the data that ships is sound, and every mistake in it is told with its file and its line."""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl
from pathlib import Path

import msgspec
import pytest

import resources
from app.texts import catalogue
from diagnostics.catalog import Catalog, load_catalog, stale
from diagnostics.errors import InputError
from diagnostics.model import Probe, Rule, Service

SIGNAL_ROOT = "ddb0f92bb95c8d6fd202ea6e8cc5ccd182b544f8cd696f47d580659ddc9df65a"
"""SHA-256 of Signal's root of 2022, as Signal's clients and OONI's probe carry it."""

NINE_OF_2024 = {
    *("twitter.com", "x.com", "api.twitter.com", "upload.twitter.com", "abs.twimg.com", "abs-0.twimg.com"),
    *("pbs.twimg.com", "video.twimg.com", "video-0.twimg.com"),
}
"""The hosts of X that Venezuela blocked in August 2024 (OONI finding 291477923300)."""


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog()


def hosts(service: Service) -> set[str]:
    return {endpoint.host for function in service.functions for endpoint in function.endpoints}


# --- the data that ships ----------------------------------------------------------------------------


def test_the_four_services_of_a_usual_run_are_there_in_the_order_of_the_window(shipped: Catalog) -> None:
    assert list(shipped.services)[:4] == ["x", "whatsapp", "telegram", "signal"]


@pytest.mark.parametrize(
    "service, functions",
    [
        ("x", {"web", "api", "assets", "pictures", "video", "upload", "links"}),
        ("whatsapp", {"chat", "web", "registration", "media"}),
        ("telegram", {"chat", "web", "links"}),
        ("signal", {"chat", "contacts", "storage", "media", "calls", "update"}),
    ],
)
def test_each_service_has_the_functions_that_decide(service: str, functions: set[str], shipped: Catalog) -> None:
    assert {f.id for f in shipped.services[service].functions if f.rule is not Rule.INFO} == functions


def test_the_nine_hosts_of_the_block_of_2024_are_all_tested(shipped: Catalog) -> None:
    assert hosts(shipped.services["x"]) >= NINE_OF_2024


def test_every_service_has_a_core_and_every_deciding_core_is_checked(shipped: Catalog) -> None:
    cores = {service.id: [f for f in service.functions if f.core] for service in shipped.services.values()}
    assert [service for service, functions in cores.items() if not functions] == []
    assert all(any(e.checked for e in f.endpoints) for functions in cores.values() for f in functions)


def test_every_endpoint_resolver_and_control_says_where_it_is_known_from(shipped: Catalog) -> None:
    endpoints = [e for s in shipped.services.values() for f in s.functions for e in f.endpoints]
    sources = [[each.source for each in endpoints], [each.source for each in shipped.resolvers], [each.source for each in shipped.controls]]
    assert [all(each) and bool(each) for each in sources] == [True, True, True]


def test_only_telegrams_data_centres_have_no_names(shipped: Catalog) -> None:
    nameless = {s.id for s in shipped.services.values() for host in hosts(s) if host.replace(".", "").isdigit()}
    assert nameless == {"telegram"}


def test_whatsapps_pool_is_held_open_and_telegrams_data_centres_are_spoken_to(shipped: Catalog) -> None:
    for service, rule, probe in (("telegram", Rule.MOST_OF, Probe.MTPROTO), ("whatsapp", Rule.ANY_OF, Probe.TCP_HOLD)):
        (chat,) = [f for f in shipped.services[service].functions if f.id == "chat"]
        assert (chat.rule, {e.probe for e in chat.endpoints}) == (rule, {probe})


def test_signals_root_is_the_genuine_one_and_has_its_origin_beside_it(shipped: Catalog) -> None:
    name = shipped.services["signal"].roots
    assert name is not None
    pem = resources.text("services", name)
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :])
    assert hashlib.sha256(der).hexdigest() == SIGNAL_ROOT
    assert "Origin:" in pem
    assert SIGNAL_ROOT.upper() in pem.replace(":", "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    assert context.cert_store_stats()["x509_ca"] == 1


def test_resolvers_of_many_operators_are_known_and_most_do_not_filter(shipped: Catalog) -> None:
    assert [r.id for r in shipped.resolvers][:4] == ["cloudflare", "google", "quad9", "quad9-unfiltered"]
    assert len(shipped.resolvers) >= 12
    assert len({r.operator for r in shipped.resolvers if not r.filters}) >= 8
    assert len({r.operator for r in shipped.resolvers if r.doh_url and not r.filters}) >= 3


def test_an_address_is_a_certificates_name_only_where_a_source_says_so(shipped: Catalog) -> None:
    assert {r.id for r in shipped.resolvers if r.doh_by_address} == {"cloudflare", "google", "quad9", "wikimedia"}


def test_controls_have_several_operators_and_a_tested_one_is_known_as_the_services_own(shipped: Catalog) -> None:
    operators = {kind: {c.operator for c in shipped.controls if c.kind == kind} for kind in ("portal", "https", "neutral")}
    assert (len(operators["portal"]) >= 3, len(operators["https"]) >= 4, len(operators["neutral"]) >= 1) == (True, True, True)
    owners = {suffix: service.operator for service in shipped.services.values() for suffix in service.suffixes}
    mixed = [c.host for c in shipped.controls for s in owners if (c.host == s or c.host.endswith(f".{s}")) and c.operator != owners[s]]
    assert mixed == []


def test_every_service_names_its_operator_and_only_tools_against_blocks_are_sensitive(shipped: Catalog) -> None:
    assert [s.id for s in shipped.services.values() if not s.operator] == []
    assert {s.id for s in shipped.services.values() if s.sensitive} == {"protonvpn", "psiphon", "tor"}


def test_the_services_come_in_the_order_in_which_they_are_offered(shipped: Catalog) -> None:
    offered = "x whatsapp telegram signal instagram facebook messenger youtube tiktok google reddit wikipedia protonvpn psiphon tor"
    assert " ".join(shipped.services) == offered


def test_a_name_swap_finds_an_https_control_of_another_operator(shipped: Catalog) -> None:
    neutral = next(c for c in shipped.controls if c.kind == "neutral")
    assert [c for c in shipped.controls if c.kind == "https" and c.operator != neutral.operator]


def test_the_first_control_of_each_kind_is_a_checked_one(shipped: Catalog) -> None:
    assert [next(c for c in shipped.controls if c.kind == kind).checked for kind in ("portal", "https", "neutral")] == [True] * 3


def test_the_catalog_survives_the_way_into_a_report(shipped: Catalog) -> None:
    services = list(shipped.services.values())
    assert msgspec.convert(msgspec.to_builtins(services), list[Service]) == services


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_function_can_be_named_to_a_person(language: str, shipped: Catalog) -> None:
    functions = {f.id for service in shipped.services.values() for f in service.functions}
    assert [f for f in functions if f"function.{f}" not in catalogue(language)] == []


# --- age --------------------------------------------------------------------------------------------


def test_data_older_than_180_days_is_stale_and_a_typed_site_never_is() -> None:
    service = Service(id="x", as_of="2026-01-01")
    assert not stale(service, dt.date(2026, 6, 30))  # day 180
    assert stale(service, dt.date(2026, 7, 1))
    assert not stale(Service(id="https://example.com/"), dt.date(2099, 1, 1))


# --- broken files -------------------------------------------------------------------------------------

SERVICE = """id = "acme"
name = { es = "Acme", en = "Acme" }
as_of = 2026-11-22
suffixes = ["acme.example"]

[[function]]
id = "web"
rule = "all_of"
endpoints = [
    { host = "acme.example", probe = "https", source = "s", checked = true },
    { host = "www.acme.example", probe = "tls", port = 8443, source = "s", checked = false },
]

[[function]]
id = "site"
rule = "info"
endpoints = [{ host = "old.acme.example", path = "/a", source = "s", checked = false }]
"""

RESOLVERS = """as_of = 2026-11-22

[[resolver]]
id = "one"
operator = "One"
addresses = ["9.9.9.9"]
addresses6 = ["2620:fe::fe"]
doh_url = "https://dns.one.example/q"
doh_by_address = true
dot_name = "dns.one.example"
source = "s"
checked = true
"""

CONTROLS = """as_of = 2026-11-22

[[control]]
id = "p"
operator = "A"
kind = "portal"
host = "p.example"
port = 80
path = "/ok"
expect_status = 204
source = "s"
checked = true

[[control]]
id = "h"
operator = "B"
kind = "https"
host = "h.example"
source = "s"
checked = true

[[control]]
id = "n"
operator = "C"
kind = "neutral"
host = "n.example"
source = "s"
checked = true
"""


def load(folder: Path, service: str = SERVICE, resolvers: str = RESOLVERS, controls: str = CONTROLS) -> Catalog:
    (folder / "services").mkdir(exist_ok=True)
    (folder / "services" / "acme.toml").write_bytes(service.encode())
    (folder / "resolvers.toml").write_bytes(resolvers.encode())
    (folder / "controls.toml").write_bytes(controls.encode())
    return load_catalog(folder)


def told(folder: Path, **files: str) -> tuple[str, int, str]:
    """Return file, line and what was found, as the error says them."""
    with pytest.raises(InputError) as caught:
        load(folder, **files)
    assert caught.value.text == "error.data"
    values = caught.value.values
    assert set(values) == {"file", "line", "found", "allowed"}
    assert values["allowed"]
    line = values["line"]
    assert isinstance(line, int)
    return str(values["file"]), line, str(values["found"])


def test_sound_files_are_read(tmp_path: Path) -> None:
    catalog = load(tmp_path)
    acme = catalog.services["acme"]
    assert (acme.as_of, acme.gender, acme.functions[0].endpoints[1].port) == ("2026-11-22", "m", 8443)
    assert (catalog.resolvers[0].dot_name, catalog.controls[0].expect_status) == ("dns.one.example", 204)


@pytest.mark.parametrize(
    "was, becomes, line, found",
    [
        ('id = "acme"', 'id = "other"', 1, "other"),
        ('en = "Acme"', 'en = " "', 2, "es, en"),
        (', en = "Acme"', "", 2, "es"),
        ("2026-11-22", '"soon"', 3, "soon"),
        ("as_of = 2026-11-22\n", "", 1, "-"),
        ('["acme.example"]', '["acme.example", "Acme!"]', 4, "Acme!"),
        ('["acme.example"]', '["acme.example"]\nsufixes = []', 5, "sufixes"),
        ('["acme.example"]', '["acme.example"]\ngender = "x"', 5, "x"),
        ('["acme.example"]', '["acme.example"]\nroots = "none.pem"', 5, "none.pem"),
        ('["acme.example"]', '["acme.example"]\nroots = "../../secret"', 5, "../../secret"),
        ('id = "web"', 'id = "Web"', 7, "Web"),
        ('"all_of"', '"few_of"', 8, "few_of"),
        ('"all_of"', '"info"\ncore = true', 9, "true"),
        ('probe = "https"', 'probe = "ping"', 10, "ping"),
        ('"acme.example", probe', '"9.9.9.9", probe', 10, "9.9.9.9"),
        ('"acme.example", probe', '"2620:fe::fe", probe', 10, "2620:fe::fe"),
        ('"acme.example", probe', '"ACME.example", probe', 10, "ACME.example"),
        ('"acme.example", probe', '"badacme.example", probe', 10, "badacme.example"),
        ('source = "s", checked = true', "checked = true", 10, "-"),
        ('source = "s", checked = true', 'source = "", checked = true', 10, ""),
        ('source = "s", checked = true', 'source = "s"', 10, "-"),
        ("checked = true", "checked = false", 9, "checked = false"),
        ("8443", "0", 11, "0"),
        ("8443", "65536", 11, "65536"),
        ('id = "site"', 'id = "web"', 15, "web"),
        ('path = "/a"', 'path = "a"', 17, "a"),
        ('path = "/a"', 'path = "/a b"', 17, "/a b"),
        ('endpoints = [{ host = "old.acme.example", path = "/a", source = "s", checked = false }]', "endpoints = []", 17, "[]"),
    ],
)
def test_a_mistake_in_a_service_is_told_with_its_line(was: str, becomes: str, line: int, found: str, tmp_path: Path) -> None:
    assert was in SERVICE
    assert told(tmp_path, service=SERVICE.replace(was, becomes, 1)) == ("resources/services/acme.toml", line, found)


def test_a_service_that_decides_nothing_is_refused(tmp_path: Path) -> None:
    assert told(tmp_path, service=SERVICE.replace('"all_of"', '"info"')) == ("resources/services/acme.toml", 6, "-")


def test_addresses_are_for_connections_only_and_need_leave(tmp_path: Path) -> None:
    allowed = SERVICE.replace("suffixes", "addresses_allowed = true\nsuffixes").replace('"acme.example", probe', '"9.9.9.9", probe')
    assert told(tmp_path, service=allowed) == ("resources/services/acme.toml", 11, "https")
    catalog = load(tmp_path, service=allowed.replace('probe = "https"', 'probe = "tcp-hold"'))
    assert catalog.services["acme"].functions[0].endpoints[0].host == "9.9.9.9"


def test_a_root_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "acme.pem").write_text("nothing")
    service = SERVICE.replace("suffixes", 'roots = "acme.pem"\nsuffixes')
    assert told(tmp_path, service=service) == ("resources/services/acme.toml", 4, "acme.pem")
    (tmp_path / "services" / "acme.pem").write_text(resources.text("services", "signal-root.pem"))
    assert load(tmp_path, service=service).services["acme"].roots == "acme.pem"


@pytest.mark.parametrize(
    "was, becomes, line, found",
    [
        ('"one"', '"One"', 4, "One"),
        ('operator = "One"', 'operator = ""', 5, ""),
        ('["9.9.9.9"]', "[]", 6, "[]"),
        ('["9.9.9.9"]', '["9.9.9.9", "10.0.0.1"]', 6, "10.0.0.1"),
        ('["9.9.9.9"]', '["9.9.9.999"]', 6, "9.9.9.999"),
        ('["9.9.9.9"]', '["2620:fe::fe"]', 6, "2620:fe::fe"),
        ('["2620:fe::fe"]', '["9.9.9.9"]', 7, "9.9.9.9"),
        ("https://dns", "http://dns", 8, "http://dns.one.example/q"),
        ("dns.one.example/q", "user@dns.one.example/q", 8, "https://user@dns.one.example/q"),
        ("dns.one.example/q", "[::1/q", 8, "https://[::1/q"),
        ('doh_url = "https://dns.one.example/q"', 'doh_url = ""', 9, "true"),
        ('"dns.one.example"\nsource', '"dns one"\nsource', 10, "dns one"),
        ('source = "s"', 'source = " "', 11, " "),
        ("checked = true", 'checked = true\ncolour = "red"', 13, "colour"),
        ('doh_url = "https://dns.one.example/q"\ndoh_by_address = true\ndot_name = "dns.one.example"', "plain = false", 8, "false"),
        ('https://dns.one.example/q"\ndoh_by_address = true', 'https://9.9.9.9/q"', 8, "https://9.9.9.9/q"),
    ],
)
def test_a_mistake_in_a_resolver_is_told_with_its_line(was: str, becomes: str, line: int, found: str, tmp_path: Path) -> None:
    assert was in RESOLVERS
    assert told(tmp_path, resolvers=RESOLVERS.replace(was, becomes, 1)) == ("resources/resolvers.toml", line, found)


def test_two_resolvers_of_one_id_are_refused_at_the_second(tmp_path: Path) -> None:
    twice = RESOLVERS + RESOLVERS[RESOLVERS.index("\n[[") :]
    assert told(tmp_path, resolvers=twice) == ("resources/resolvers.toml", 15, "one")


@pytest.mark.parametrize(
    "was, becomes, line, found",
    [
        ('id = "p"', 'id = ""', 4, ""),
        ('operator = "A"', 'operator = ""', 5, ""),
        ('"portal"', '"door"', 6, "door"),
        ('"p.example"', '"p"', 7, "p"),
        ("port = 80", "port = 99999", 8, "99999"),
        ('"/ok"', '"ok"', 9, "ok"),
        ("204", "99", 10, "99"),
        ('source = "s"', 'source = ""', 11, ""),
        ('id = "h"', 'id = "p"', 15, "p"),
        ('"neutral"', '"https"', 3, "-"),
    ],
)
def test_a_mistake_in_a_control_is_told_with_its_line(was: str, becomes: str, line: int, found: str, tmp_path: Path) -> None:
    assert was in CONTROLS
    assert told(tmp_path, controls=CONTROLS.replace(was, becomes, 1)) == ("resources/controls.toml", line, found)


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, service=SERVICE.replace('rule = "info"', "rule = info"))
    assert (caught.value.text, caught.value.values["file"]) == ("error.toml", "resources/services/acme.toml")
    assert caught.value.values["line"] == 16


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "controls.toml").write_bytes(b"as_of = 2026-11-22\n# \xff\n")
    with pytest.raises(InputError) as caught:
        load_catalog(tmp_path)
    assert (caught.value.text, caught.value.values["line"]) == ("error.toml", 2)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "resolvers.toml").unlink()
    with pytest.raises(InputError) as caught:
        load_catalog(tmp_path)
    assert (caught.value.text, caught.value.values["file"]) == ("error.report_unreadable", "resources/resolvers.toml")


def test_windows_line_ends_and_a_byte_order_mark_change_no_line(tmp_path: Path) -> None:
    service = "\ufeff" + SERVICE.replace('"all_of"', '"few_of"').replace("\n", "\r\n")
    assert told(tmp_path, service=service) == ("resources/services/acme.toml", 8, "few_of")
