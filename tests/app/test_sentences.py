"""Sentences by rule: what is said of a verdict is what its rule saw, and every shipped scenario is told truly."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest

from app import samples
from app.texts import has_text, set_language
from app.wording import card_sentence, means, saw, stages
from diagnostics.model import Cause, Certainty, Observation, Report, Status, Step, Verdict
from diagnostics.sim.scenario import load_scenarios
from tests.simulated import shipped
from tests.simulated import verdict as verdict_of

SURE, LIKELY = Certainty.CERTAIN, Certainty.LIKELY

FALSE = "La guía de nombres de tu red da una dirección falsa para «x.com»."
DENIED = "La guía de nombres de tu red dice que no puede dar «x.com». Otras guías sí lo dan."
NAME_CUT = "La conexión se corta justo al decir el nombre «x.com». Con otro nombre no se corta."
NOTICE = "En lugar de X llega una página de aviso."
SLOW = "Abre, pero tarda más de lo normal."
UNREACHED = "No se llega a la dirección de X desde tu red. Un servicio apagado se vería igual."

_LITERALLY = {
    "block-page": NOTICE,
    "redirect-block-page": NOTICE,
    "dns-block-page": FALSE,
    "dns-empty": DENIED,
    "dns-injected": FALSE,
    "dns-refused": DENIED,
    "dns-servfail": DENIED,
    "dns-silence": "La guía de nombres se queda callada cuando preguntamos por «x.com». Por otros nombres sí responde.",
    "dns-wrong-address": FALSE,
    "expired-certificate": "La identificación de X está vencida, y por eso no abre de forma segura.",
    "hosts-file": "Un archivo de esta computadora, llamado «hosts», manda «x.com» a otra parte.",
    "ip-blackhole": UNREACHED,
    "ip-refused": UNREACHED,
    "server-down": "X contesta, pero con un error.",
    "sni-alert": NAME_CUT,
    "sni-close": NAME_CUT,
    "sni-first-record": NAME_CUT,
    "sni-packets": NAME_CUT,
    "sni-reset": NAME_CUT,
    "sni-segments": NAME_CUT,
    "sni-silence": NAME_CUT,
    "tls-interception": "En el camino alguien se hace pasar por X. No escribas tu clave.",
    "ve-2024-08": FALSE,
    "ve-2025-01": FALSE,
    "ve-2025-01-all-resolvers": (
        "La guía de nombres de tu red da para «x.com» una dirección que no sirve en Internet. No pudimos comparar con otras."
    ),
    "cut-after-bytes": "La conexión con «x.com» empieza bien y se corta a medias. Con otro nombre llega entera.",
    "dns-intercepted": DENIED.replace("Otras guías sí lo dan", "Otras guías sí lo dan"),
    "freeze-16k": "Lo que manda X se detiene siempre a los pocos kilobytes. Con otro nombre llega entero.",
    "freeze-16k-addresses": (
        "Lo que manda X se detiene siempre a los pocos kilobytes, y otra página llega entera. Parece un freno a propósito."
    ),
    "geo-refused": "sitio.example contesta que no atiende a tu país o a tu red.",
    "name-nowhere": "Ninguna guía de nombres conoce «no-existe.example». Revisa cómo está escrito.",
    "redirect-hop-blocked": NAME_CUT.replace("x.com", "destino.example"),
    "redirect-loop": "vueltas.example manda de una página a otra sin fin. Parece una falla de la página.",
    "residual-blocking": NAME_CUT,
    "residual-silence": NAME_CUT,
    "server-cuts-answers": "Lo que vimos no alcanza para afirmar nada.",
    "site-on-loopback": "La dirección que publica «casa.example» solo sirve dentro de una red privada.",
    "slow-server": SLOW,
    "status-451": "sitio.example contesta que no da esta página por razones legales.",
    "status-503": "sitio.example contesta, pero con un error.",
    "throttled-addresses": SLOW,
    "block-page-clear": "En lugar de uno.example llega una página de aviso.",
    "http-host-reset": "Parece que la conexión se corta al pedir esa página.",
    "ir-shutdown": "Lo que vimos no alcanza para afirmar nada.",
    "ve-cantv-2024-08": FALSE,
    "ve-cantv-2025-01-resolvers": FALSE,
    "ve-movistar-sni-2024-11": NAME_CUT.replace("x.com", "www.youtube.com"),
    "ve-tor-2018": UNREACHED.replace("de X", "de Tor"),
    "wrong-certificate": "En la dirección de X contesta un servidor con otro nombre. Parece un error de X.",
}
TRUE_OF_FIRST = {name: re.escape(text) for name, text in _LITERALLY.items()} | {
    "dns-intercepted": re.escape(DENIED),
    "ru-throttling-2021": r"X llega, pero lo frenan: 1\d kB/s, cuando otra página llega a [\d.]+ kB/s\.",
}
"""What may literally be said of the first target in each shipped scenario in which that is hindered."""

MASKED = ("antivirus", "captive-portal", "no-link", "offline", "vpn-stale-kill-switch", "wrong-clock")
WELL = (
    *("dead-ipv6", "lossy-5-percent", "open", "self-signed-site", "slow-line", "whatsapp-media-only-blocked"),
    *("captcha", "cdn-differs", "dns-intercepted-honest", "lossy-10-percent", "redirects-303", "status-403"),
    *("dot-blocked", "half-addresses", "quic-blocked", "same-first-page"),
    *("vpn-dns-outside", "vpn-ipv6-outside", "vpn-split"),
    *("udp-blocked", "calls-blocked", "mtproto-cut", "telegram-half-ranges", "ve-telegram-ranges-2025-05"),
)


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")
    yield
    set_language("es")


def told(rule: str, cause: Cause, certainty: Certainty, *seen: Observation, status: Status = Status.BLOCKED) -> Report:
    base = samples.x_blocked()
    verdict = Verdict(target="x", status=status, cause=cause, certainty=certainty, rule=rule, evidence=tuple(o.id for o in seen))
    return msgspec.structs.replace(base, verdicts=(verdict,), observations=(base.observations[0], *seen))


def sentence(report: Report) -> str:
    return card_sentence(report.verdicts[0], report)


def test_every_shipped_scenario_has_its_place_here() -> None:
    assert set(load_scenarios()) == {*TRUE_OF_FIRST, *MASKED, *WELL}


@pytest.mark.parametrize("name", TRUE_OF_FIRST)
def test_what_is_said_of_a_scenario_is_literally_true(name: str) -> None:
    report = shipped(name)
    asked = load_scenarios()[name].expected[0].target
    assert re.fullmatch(TRUE_OF_FIRST[name], card_sentence(verdict_of(report, asked), report))


# --- sentences by rule ---


@pytest.mark.parametrize(
    "rule, certainty, said",
    [
        ("http.server_error", SURE, "X contesta, pero con un error."),
        ("tls.certificate_date", SURE, "La identificación de X está vencida, y por eso no abre de forma segura."),
        ("tls.server_signs_itself", LIKELY, "Nadie reconocido avala la identificación de X. Parece hecha por su propio servidor."),
        ("tls.server_shows_another_name", LIKELY, "En la dirección de X contesta un servidor con otro nombre. Parece un error de X."),
        ("dns.site_publishes_private_address", SURE, "La dirección que publica «x.com» solo sirve dentro de una red privada."),
        ("dns.fails_everywhere", LIKELY, "Las guías de nombres que contestaron tampoco pueden dar «x.com». Parece una falla de la página."),
        ("dns.name_exists_nowhere", SURE, "Ninguna guía de nombres conoce «x.com». Revisa cómo está escrito."),
    ],
)
def test_a_fault_of_the_service_is_told_by_what_was_seen(rule: str, certainty: Certainty, said: str) -> None:
    report = told(rule, Cause.SERVER_FAULT, certainty, status=Status.DOWN)
    assert sentence(report) == said
    assert "todas las vías" not in sentence(report) + means(report.verdicts[0], report)


def test_an_identification_that_is_not_valid_yet_is_not_called_expired() -> None:
    early = Observation(id="o9", step=Step.TLS, target="x", host="x.com", detail={"verify_code": 9})
    report = told("tls.certificate_date", Cause.SERVER_FAULT, SURE, early, status=Status.DOWN)
    assert sentence(report) == "La identificación de X todavía no vale, y por eso no abre de forma segura."


def test_that_nothing_could_be_compared_is_said_only_then() -> None:
    other = Observation(id="o9", step=Step.DNS, target="x", host="x.com", detail={"resolver": "quad9", "answers": ["192.0.2.7"]})
    alone = sentence(told("dns.bogon_alone", Cause.DNS_TAMPERING, LIKELY))
    compared = sentence(told("dns.bogon_alone", Cause.DNS_TAMPERING, LIKELY, other))
    assert alone.endswith("No pudimos comparar con otras.")
    assert compared.endswith("Otra guía parece dar la verdadera.")


HEDGES = re.compile(r"parece|puede|quizá|apunta|se vería igual|no pudimos|con otra sí", re.IGNORECASE)
MAY_BE_LIKELY = (
    *(Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER, Cause.IP_BLOCKED, Cause.NAME_BLOCKED, Cause.TLS_INTERCEPTION, Cause.BLOCK_PAGE),
    *(Cause.HTTP_BLOCKED, Cause.HOSTS_FILE, Cause.LOCAL_FIREWALL, Cause.SERVER_FAULT),
)
RULES = ("", "dns.bogon", "dns.denied", "dns.bogon_alone", "dns.address_is_dead", "tls.name_dies_here", "tcp.silent", "http.page_instead")


@pytest.mark.parametrize("cause", MAY_BE_LIKELY)
@pytest.mark.parametrize("rule", RULES)
def test_a_likely_verdict_is_hedged(cause: Cause, rule: str) -> None:
    assert HEDGES.search(sentence(told(rule, cause, LIKELY, status=Status.LIKELY_BLOCKED)))


def test_a_meaning_accuses_nobody() -> None:
    for language, accusing in (("es", "lguien en el camino"), ("en", "omebody on the way")):
        set_language(language)
        for cause in Cause:
            report = told("", cause, SURE)
            assert accusing not in means(report.verdicts[0], report)


def test_what_a_false_name_means_of_a_service_that_works_in_part() -> None:
    report = told("dns.bogon", Cause.DNS_TAMPERING, SURE, status=Status.PARTIAL)
    assert means(report.verdicts[0], report) == "Significa: la respuesta no es la verdadera, y por eso una parte de X no abre."


def test_what_was_seen_goes_on_with_a_small_letter() -> None:
    report = samples.x_blocked()
    assert saw(report.verdicts[0], report).startswith("Vimos: la guía de nombres")


def test_a_strangers_rule_asks_for_no_text_that_needs_other_values() -> None:
    for rule in ("", ".", "a.likely", "a.denied.likely", "a.title", "a." + "b" * 500, "cause"):
        for cause in Cause:
            assert sentence(told(rule, cause, LIKELY))


def test_a_notice_page_comes_another_way_than_the_closed_one() -> None:
    refused = Observation(id="o2", step=Step.TCP, target="x", host="x.com", failure="connection_refused", detail={"purpose": "target"})
    plain = Observation(id="o3", step=Step.HTTP, target="x", host="x.com", detail={"purpose": "plain", "status": 200})
    report = told("http.same_page_for_strangers", Cause.BLOCK_PAGE, SURE, refused, plain)
    assert [str(stage.state) for stage in stages(report, "x")] == ["not_tried", "broken", "not_reached", "not_reached"]


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_sentences_by_rule_exist_in_both_languages(language: str) -> None:
    set_language(language)
    for rule in ("denied", "bogon_alone", "address_is_dead"):
        assert has_text(f"cause.dns_tampering.{rule}")
