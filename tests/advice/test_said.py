"""A tip in words: names and addresses come from what passed here, and nothing is told that cannot be named."""

from __future__ import annotations

import msgspec
import pytest

from diagnostics.advice import Known, Said, Tried, computer_platform, load_tips, said, tips_for
from diagnostics.advice.platforms import PLATFORMS, order_for
from diagnostics.catalog import load_catalog
from diagnostics.model import Cause, NetworkVerdict, Status, TipChoice, Verdict, Workaround

CATALOG = load_catalog()
KNOWN = Known(
    resolvers=CATALOG.resolvers,
    names={"x": "X", "whatsapp": "WhatsApp"},
    hosts={"x": ("x.com", "twitter.com")},
    labels={"socks5-1a2b": "«oficina»"},
)


def tried(*ways: str, failed: tuple[str, ...] = (), target: str = "x") -> Tried:
    outcomes = [Workaround(id=each, target=target, status=Status.WORKS, seconds=0.42, tries=2, passed=2) for each in ways]
    outcomes += [Workaround(id=each, target=target, status=Status.BLOCKED, tries=2) for each in failed]
    return Tried(outcomes)


def because(*ways: str, target: str = "x") -> tuple[str, ...]:
    return (f"target:{target}", *(f"workaround:{way}" for way in ways))


def told(
    tip: str, ways: tuple[str, ...], platform: str, *, failed: tuple[str, ...] = (), language: str = "es", known: Known = KNOWN
) -> Said | None:
    choice = TipChoice(id=tip, rank=1, because=because(*ways))
    return said(load_tips()[tip], choice, tried(*ways, failed=failed), known, language, platform)


def text_of(found: Said | None) -> str:
    assert found is not None
    return "\n".join((found.text.title, found.text.why, found.text.how, *found.text.steps, found.text.risk))


def test_the_resolver_that_answered_is_named_with_its_operator_and_what_passed() -> None:
    found = text_of(told("proved-names", ("doh:quad9", "doh-name:quad9"), "windows11"))
    assert "nombres cifrados de Quad9" in found
    assert "«9.9.9.9»" in found
    assert "«https://dns.quad9.net/dns-query»" in found
    assert "{" not in found


@pytest.mark.parametrize(
    "passed, failed, shown",
    [
        (("doh:quad9",), (), False),  # by address: the name was never said
        (("doh-name:quad9",), (), False),  # where the system's lookup leads, which may not be the address to set
        (("doh-name:quad9",), ("doh:quad9",), False),
        (("dot:quad9",), (), False),
        (("doh:quad9", "doh-name:quad9"), (), True),
        (("doh:adguard",), (), True),  # at its address, under its name
        (("doh:adguard",), ("doh-name:adguard",), True),  # Windows does not look the name up
        (("doh:wikimedia",), (), True),  # its name is its address
    ],
)
def test_windows_says_the_name_at_the_address_so_both_must_have_passed(
    passed: tuple[str, ...], failed: tuple[str, ...], shown: bool
) -> None:
    assert (told("proved-names", passed, "windows11", failed=failed) is not None) is shown


@pytest.mark.parametrize(
    "passed, failed, shown",
    [
        (("dot:quad9",), (), False),
        (("dot:quad9",), ("doh:quad9",), False),
        (("doh:quad9",), (), False),  # a profile says the name
        (("doh-name:quad9",), (), True),
        (("doh-name:quad9",), ("doh:quad9",), False),
        (("doh:adguard",), (), True),
        (("doh:adguard",), ("doh-name:adguard",), False),
        (("doh:wikimedia",), (), False),  # whatever name its profile says was not said
    ],
)
@pytest.mark.parametrize("platform", ["macos", "iphone"])
def test_a_profile_is_spoken_of_only_where_its_way_of_asking_passed(
    passed: tuple[str, ...], failed: tuple[str, ...], shown: bool, platform: str
) -> None:
    assert (told("proved-names", passed, platform, failed=failed) is not None) is shown


def test_private_names_on_android_need_the_transport_that_android_uses() -> None:
    assert told("proved-names", ("doh:quad9", "doh-name:quad9"), "android") is None
    assert "«dns.quad9.net»" in text_of(told("proved-names", ("dot:quad9", "doh-name:quad9"), "android"))


def test_private_names_on_android_are_looked_up_by_the_network_and_need_a_true_answer() -> None:
    assert told("proved-names", ("dot:quad9",), "android") is None
    assert told("proved-names", ("dot:quad9",), "android", failed=("doh-name:quad9",)) is None
    assert "DNS=9.9.9.9#dns.quad9.net" in text_of(told("proved-names", ("dot:quad9",), "linux", failed=("doh-name:quad9",)))


def test_a_name_that_nobody_looked_up_makes_way_for_a_resolver_whose_name_was_found() -> None:
    only = ("dot:cloudflare", "doh-name:cloudflare")  # over TLS it has another name than over HTTPS
    assert told("proved-names", only, "android") is None
    assert "«dns.quad9.net»" in text_of(told("proved-names", (*only, "dot:quad9", "doh-name:quad9"), "android"))


def test_an_address_is_no_name_for_android() -> None:
    assert told("proved-names", ("dot:wikimedia",), "android") is None


@pytest.mark.parametrize(
    "passed, failed, url",
    [
        (("doh-name:quad9",), (), "https://dns.quad9.net/dns-query"),
        (("doh:quad9",), ("doh-name:quad9",), "https://9.9.9.9/dns-query"),
        (("doh:cira",), (), "https://private.canadianshield.cira.ca/dns-query"),
        (("doh:cira",), ("doh-name:cira",), None),
    ],
)
def test_a_browser_gets_an_address_that_it_can_find(passed: tuple[str, ...], failed: tuple[str, ...], url: str | None) -> None:
    found = told("proved-names", passed, "firefox", failed=failed)
    assert (found is None) if url is None else f"«{url}»" in text_of(found)


def test_each_platform_gets_the_resolver_that_passed_in_the_way_it_asks() -> None:
    ways = ("doh:adguard", "dot:quad9")
    assert "94.140.14.14" in text_of(told("proved-names", ways, "windows11"))
    assert "9.9.9.9#dns.quad9.net" in text_of(told("proved-names", ways, "linux"))


def test_plain_questions_need_plain_answers() -> None:
    assert "«9.9.9.9»" in text_of(told("other-directory", ("udp:quad9",), "windows10"))
    assert told("other-directory", ("doh:quad9",), "windows10") is None


def test_a_resolver_that_we_do_not_know_is_not_named() -> None:
    assert told("proved-names", ("doh:elsewhere",), "macos") is None


def test_another_name_is_told_only_below_the_services_own_domains() -> None:
    assert "https://mobile.twitter.com" in text_of(told("other-name", ("name:mobile.twitter.com",), "any"))
    for stranger in ("evil.example", "x.com.evil.example", "nottwitter.com", "1.2.3.4", 'x.com"><b>.x.com'):
        assert told("other-name", (f"name:{stranger}",), "any") is None


def test_a_port_and_a_proxy_are_named() -> None:
    assert "«:8443»" in text_of(told("other-port", ("port:8443",), "any"))
    assert "Usa tu proxy «oficina»" in text_of(told("own-proxy", ("route:socks5-1a2b",), "windows11"))
    assert told("own-proxy", ("route:http-0000",), "windows11") is None


@pytest.mark.parametrize("platform", ["firefox", "chrome", "any"])
def test_a_hidden_name_comes_with_a_resolver_that_passed_or_not_at_all(platform: str) -> None:
    assert told("hidden-name", ("ech",), platform) is None
    assert told("hidden-name", ("ech", "dot:adguard"), platform) is None
    assert "https://9.9.9.9/dns-query" in text_of(told("hidden-name", ("doh:quad9|ech",), platform, failed=("doh-name:quad9",)))
    assert "https://dns.quad9.net/dns-query" in text_of(told("hidden-name", ("ech", "doh-name:quad9"), platform))


def test_a_flight_without_a_lookup_may_use_a_resolver_that_led_to_another_target() -> None:
    outcomes = [
        Workaround(id="ech", target="x", status=Status.WORKS, seconds=1.0, tries=2, passed=2),
        Workaround(id="doh:quad9", target="x", status=Status.BLOCKED, tries=2),
        *(Workaround(id=f"doh:{each}", target="whatsapp", status=Status.WORKS, seconds=1.0) for each in ("quad9", "nextdns")),
    ]
    verdicts = [Verdict(target="x", status=Status.BLOCKED, cause=Cause.NAME_BLOCKED)]
    line = NetworkVerdict(status=Status.WORKS)
    choices = {c.id: c for c in tips_for(verdicts, line, workarounds=outcomes, resolvers=CATALOG.resolvers)}
    found = said(load_tips()["hidden-name"], choices["hidden-name"], Tried(outcomes), KNOWN, "es", "firefox")
    assert "https://dns.nextdns.io/dns-query" in text_of(found), "one that refuses no names goes first"
    alone = tips_for(verdicts, line, workarounds=outcomes[:2], resolvers=CATALOG.resolvers)
    assert "hidden-name" not in {c.id for c in alone}


@pytest.mark.parametrize(
    "tip, flight", [("other-address", "address"), ("fast-way-names", "h3"), ("newer-addresses-names", "ipv6"), ("hidden-name", "ech")]
)
@pytest.mark.parametrize("platform", ["firefox", "chrome"])
def test_where_a_lookup_is_part_of_the_way_its_resolver_is_set_up(tip: str, flight: str, platform: str) -> None:
    assert "«https://9.9.9.9/dns-query»" in text_of(told(tip, (f"doh:quad9|{flight}",), platform))
    assert "«https://dns.quad9.net/dns-query»" in text_of(told(tip, (f"doh-name:quad9|{flight}",), platform))
    assert told(tip, (f"dot:quad9|{flight}",), platform) is None


def test_a_way_that_did_not_pass_is_told_to_nobody_whatever_a_report_says() -> None:
    choice = TipChoice(id="proved-names", rank=1, because=because("doh:quad9"))
    assert said(load_tips()["proved-names"], choice, tried(failed=("doh:quad9",)), KNOWN, "es", "macos") is None
    assert said(load_tips()["proved-names"], choice, Tried(), KNOWN, "es", "macos") is None


def test_the_target_that_is_looked_at_is_the_one_spoken_of() -> None:
    outcomes = [Workaround(id="doh:adguard", target=target, status=Status.WORKS, seconds=1.0) for target in ("x", "whatsapp")]
    choice = TipChoice(id="proved-names", rank=1, because=("target:x", "target:whatsapp", "workaround:doh:adguard"))
    for target in ("x", "whatsapp"):
        found = said(load_tips()["proved-names"], choice, Tried(outcomes), KNOWN, "en", "macos", target)
        assert found is not None
        assert found.way is not None
        assert found.way.outcome.target == target


@pytest.mark.parametrize(
    "language, seconds, shown",
    [("es", 0.42, "0,4\u00a0s"), ("en", 0.42, "0.4\u00a0s"), ("es", 0.03, "0,03\u00a0s"), ("es", 14.2, "14\u00a0s")],
)
def test_times_and_rates_in_a_tip_are_written_as_people_write_them(language: str, seconds: float, shown: str) -> None:
    tip = load_tips()["other-name"]
    text = msgspec.structs.replace(tip.text.es, why="{seconds}, {rate}, {service}")
    tip = msgspec.structs.replace(tip, text=msgspec.structs.replace(tip.text, es=text, en=text))
    outcome = Workaround(id="name:twitter.com", target="x", status=Status.PARTIAL, seconds=seconds, tries=4, passed=3)
    found = said(tip, TipChoice(id=tip.id, rank=1, because=because("name:twitter.com")), Tried([outcome]), KNOWN, language, "any")
    assert found is not None
    assert found.text.why == f"{shown}, {'3 de 4 veces' if language == 'es' else '3 of 4 times'}, X"


def test_a_choice_from_verdicts_can_be_told() -> None:
    verdicts = [Verdict(target="x", status=Status.BLOCKED, cause=Cause.DNS_TAMPERING)]
    outcomes = [Workaround(id="doh:quad9", target="x", status=Status.WORKS, seconds=0.4, tries=2, passed=2)]
    choice = tips_for(verdicts, NetworkVerdict(status=Status.WORKS), workarounds=outcomes)[0]
    assert said(load_tips()[choice.id], choice, Tried(outcomes, verdicts), KNOWN, "es", "firefox") is not None


@pytest.mark.parametrize(
    "system, release, version, platform",
    [
        ("win32", "10", "10.0.19045", "windows10"),
        ("win32", "10", "10.0.22631", "windows11"),
        ("win32", "11", "", "windows11"),
        ("win32", "", "", "windows10"),
        ("darwin", "24.1.0", "", "macos"),
        ("linux", "6.1", "", "linux"),
        ("freebsd14", "14.0", "", "any"),
    ],
)
def test_this_computer_is_known_by_what_its_system_says(system: str, release: str, version: str, platform: str) -> None:
    assert computer_platform(system, release, version) == platform


@pytest.mark.parametrize("computer", PLATFORMS)
def test_a_computers_own_steps_are_shown_first_and_none_is_left_out(computer: str) -> None:
    order = order_for(computer)
    assert order[0] == computer
    assert sorted(order) == sorted(PLATFORMS)
