"""The unmodified command line over real proxies: what works, what is broken and why, and what a censor does to a proxy."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from diagnostics.routes.grammar import parse_link
from tests.real_servers import reply_matrix
from tests.real_servers.censor import RESET, Scenario, hello
from tests.real_servers.lab import Lab, Line
from tests.real_servers.proxies import HOST, NAME, PASSWORD, PORTS, SILENT_PORT, USER, WRONG, Proxies
from tests.real_servers.setting import CLIENT_DEVICE, Setting
from tests.real_servers.world import HOME, Certificate, Conduct

pytestmark = pytest.mark.root

LOGIN, WRONG_LOGIN = f"{USER}:{PASSWORD}", f"{USER}:{WRONG}"
READABLE = (
    *(("socks5h", "microsocks"), ("socks5h", "dante"), ("socks4", "dante"), ("socks4a", "sing-box"), ("http", "sing-box")),
    *(("socks5h", "pproxy"), ("http", "pproxy"), ("http", "tinyproxy"), ("http", "squid")),
)
"""Scheme and server of proxies that do not encrypt."""

ENCRYPTED = (("https", "stunnel before tinyproxy"), ("https", "squid with TLS"))


@pytest.fixture(scope="module")
def proxies(lab: Lab) -> Iterator[Proxies]:
    """Rent the computer for all tests of this file."""
    with Proxies(lab) as rented:
        yield rented


class Told:
    """What a run said of each proxy, by the name that the test gave it."""

    def __init__(self, lab: Lab, links: Mapping[str, str], *words: str) -> None:
        """Run the check."""
        self._links = links
        given = [word for link in links.values() for word in ("--proxy", link)]
        done = lab.atajo("check", *words, *given, "--json", "-", "--quiet", timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        for secret in (HOST, NAME, PASSWORD, WRONG, USER):
            assert secret not in done.stdout, "a report carries nothing of a proxy but its id"
        self.report: dict[str, Any] = json.loads(done.stdout)

    def direct(self, target: str) -> tuple[str, str | None, str]:
        """Return status, cause and certainty of a target over the direct line."""
        return self._of(target, "direct")

    def way(self, name: str) -> tuple[str, str | None, str]:
        """Return status, cause and rule of a proxy."""
        found = self._route(name)
        return found["status"], found["cause"], found["rule"]

    def kind(self, name: str) -> str:
        """Return the kind that a proxy turned out to be."""
        return str(self._route(name)["kind"])

    def over(self, target: str) -> dict[str, tuple[str, str | None]]:
        """Return status and cause of a target over each proxy."""
        return {name: self._of(target, parse_link(link).id)[:2] for name, link in self._links.items()}

    def heard(self, name: str) -> set[str]:
        """Return what was heard at a proxy's place, of what its verdict rests on."""
        evidence = set(self._route(name)["evidence"])
        return {o["detail"].get("speaks", "") for o in self.report["observations"] if o["id"] in evidence} - {""}

    def _route(self, name: str) -> dict[str, Any]:
        wanted = parse_link(self._links[name]).id
        return next(route for route in self.report["routes"] if route["id"] == wanted)

    def _of(self, target: str, route: str) -> tuple[str, str | None, str]:
        found = next(v for v in self.report["verdicts"] if (v["target"], v["route"], v["function"]) == (target, route, None))
        return found["status"], found["cause"], found["certainty"]


def clear_and_secret(proxies: Proxies) -> dict[str, str]:
    """Return links of working proxies by server and scheme."""
    links = {f"{server} {scheme}": proxies.link(scheme, server) for scheme, server in (*READABLE, *ENCRYPTED)}
    return links | {"Trojan": proxies.link("trojan", "Trojan", PASSWORD), "Shadowsocks": proxies.shadowsocks(), "ssh": proxies.tunnel()}


def test_the_table_of_replies_is_what_real_servers_answer(lab: Lab, proxies: Proxies) -> None:
    table = reply_matrix.written(reply_matrix.measured(lab, proxies))
    assert reply_matrix.of_page(reply_matrix.PAGE.read_text(encoding="utf-8")) == table


def test_over_each_working_proxy_a_cut_service_opens_and_a_spying_one_is_named(lab: Lab, proxies: Proxies) -> None:
    links = clear_and_secret(proxies)
    links |= {
        "microsocks with a login": proxies.link("socks5h", "microsocks with a login", LOGIN),
        "tinyproxy with a login": proxies.link("http", "tinyproxy with a login", LOGIN),
        "names looked up here": proxies.link("socks5", "microsocks"),
        "bare SOCKS": proxies.link("socks5h", "microsocks").removeprefix("socks5h://"),
        "bare web": proxies.link("http", "tinyproxy").removeprefix("http://"),
        "bare TLS": proxies.link("https", "stunnel before tinyproxy").removeprefix("https://"),
    }
    links["spied"] = proxies.spied()
    lab.censor(Scenario.SNI_RESET_443)
    told = Told(lab, links, "x", "whatsapp")
    assert told.direct("x") == ("blocked", "name_blocked", "certain")
    assert told.direct("whatsapp")[0] == "works"
    well = dict.fromkeys(links.keys() - {"spied"}, ("works", None))
    assert told.over("x") == well | {"spied": ("down", "proxy_intercepts")}
    assert told.over("whatsapp") == well | {"spied": ("down", "proxy_intercepts")}
    assert told.way("names looked up here") == ("works", "proxy_leaks_dns", "route.names_leak")
    assert [told.kind(name) for name in ("bare SOCKS", "bare web", "bare TLS")] == ["socks5h", "http", "https"]


def test_each_broken_proxy_is_told_apart_and_nobody_is_accused(lab: Lab, proxies: Proxies) -> None:
    key = base64.urlsafe_b64encode(f"aes-256-gcm:{WRONG}".encode()).decode().rstrip("=")
    proxies.start("microsocks", "tinyproxy", "squid", "stunnel before tinyproxy", "OpenSSH", "Tor that is not ready")

    def at(scheme: str, server: str) -> str:
        return f"{scheme}://{HOST}:{PORTS[server]}"

    auth, other = ("down", "proxy_auth"), ("down", "proxy_wrong_protocol", "route.other_protocol")
    cases = {
        "no login": (proxies.link("socks5h", "microsocks with a login"), (*auth, "route.login_refused")),
        "wrong login": (proxies.link("socks5h", "microsocks with a login", WRONG_LOGIN), (*auth, "route.login_refused")),
        "no login for the web": (proxies.link("http", "tinyproxy with a login"), (*auth, "route.login_refused")),
        "wrong key": (proxies.shadowsocks(WRONG), (*auth, "route.key_or_cut")),
        "wrong Trojan": (proxies.link("trojan", "Trojan", WRONG), (*auth, "route.key_or_cut")),
        "key to a web proxy": (f"ss://{key}@{HOST}:{PORTS['tinyproxy']}", (*auth, "route.key_or_cut")),
        "stopped": (f"socks5h://{HOST}:9", ("down", "proxy_down", "route.refused")),
        "dropped": (f"socks5h://{HOST}:{SILENT_PORT}", ("down", "proxy_unreachable", "route.silent")),
        "nobody": ("socks5h://nobody-has-this-name.com:1080", ("down", "proxy_unreachable", "route.name_unknown")),
        "SOCKS to web": (at("socks5h", "tinyproxy"), other),
        "SOCKS to TLS": (at("socks5h", "stunnel before tinyproxy"), other),
        "SOCKS to SSH": (at("socks5h", "OpenSSH"), other),
        "web to SOCKS": (at("http", "microsocks"), other),
        "web to TLS": (at("http", "stunnel before tinyproxy"), other),
        "TLS to web": (at("https", "tinyproxy"), other),
        "TLS to SOCKS": (at("https", "microsocks"), other),
        "bare SSH": (f"{HOST}:{PORTS['OpenSSH']}", other),
        "Tor": (at("socks5h", "Tor that is not ready"), ("down", "proxy_unreachable", "route.tor_not_ready")),
    }
    lab.censor(Scenario.SNI_RESET_443)
    told = Told(lab, {name: link for name, (link, _) in cases.items()}, "x")
    assert {name: told.way(name) for name in cases} == {name: verdict for name, (_, verdict) in cases.items()}
    assert told.direct("x") == ("blocked", "name_blocked", "certain")
    heard = {name: told.heard(name) for name, (_, verdict) in cases.items() if verdict == other}
    assert heard == {
        "SOCKS to web": {"http_proxy"},
        "SOCKS to TLS": {"https_proxy"},
        "SOCKS to SSH": {"ssh"},
        "web to SOCKS": {"socks5"},
        "web to TLS": {"https_proxy"},
        "TLS to web": {"http_proxy"},
        "TLS to SOCKS": {"socks5"},
        "bare SSH": {"ssh"},
    }


@pytest.mark.parametrize("scenario", [Scenario.SNI_RESET, Scenario.SNI_SILENCE])
def test_a_network_that_reads_names_on_every_port_reads_them_inside_proxies_that_do_not_encrypt(
    lab: Lab, proxies: Proxies, scenario: Scenario
) -> None:
    links = clear_and_secret(proxies)
    lab.censor(scenario)
    told = Told(lab, links, "x")
    read = {f"{server} {scheme}" for scheme, server in READABLE}
    assert told.over("x") == {name: ("likely_blocked", "name_blocked") if name in read else ("works", None) for name in links}
    assert {told.way(name)[0] for name in links} == {"works"}


def test_a_filter_against_the_proxy_itself_is_suspected_only_where_other_words_pass(lab: Lab, proxies: Proxies) -> None:
    greeting = f'-i {CLIENT_DEVICE} -p tcp -d {HOST} --dport {PORTS["microsocks"]} -m string --algo bm --from 40 --hex-string "|050100|"'
    lab.arrange(Setting(rules=(f"-A FORWARD {greeting} -j {RESET}", f"-A FORWARD {hello(NAME)} -j {RESET}")))
    links = {
        "greeting": proxies.link("socks5h", "microsocks"),
        "name": proxies.link("trojan", "Trojan", PASSWORD) + f"?sni={NAME}",
        "no name": proxies.link("https", "stunnel before tinyproxy"),
    }
    told = Told(lab, links, "whatsapp")
    assert {name: told.way(name) for name in links} == {
        "greeting": ("down", "proxy_blocked", "route.cut_at_greeting"),
        "name": ("down", "proxy_blocked", "route.cut_at_hello"),
        "no name": ("works", None, "route.works"),
    }


def test_a_site_with_an_expired_identity_is_at_fault_itself_over_every_way(lab: Lab, proxies: Proxies) -> None:
    site = f"https://{HOME}/"
    for certificate in (Certificate.EXPIRED, Certificate.WRONG_NAME, Certificate.SELF_SIGNED):
        lab.arrange(Setting(conduct={f"site-{HOME}": Conduct(certificate=certificate)}))
        told = Told(lab, {"microsocks": proxies.link("socks5h", "microsocks")}, "--url", site)
        unproven = certificate is Certificate.SELF_SIGNED  # somebody before both ways would show the same
        assert told.over(site) == {"microsocks": ("unknown", None) if unproven else ("down", "server_fault")}, certificate
        assert told.way("microsocks") == ("works", None, "route.works")


def test_a_middlebox_before_the_proxy_is_no_fault_of_the_proxy(lab: Lab, proxies: Proxies) -> None:
    """The direct line is opened by somebody; the proxy's is not, and shows it."""
    from tests.real_servers import servers

    to = f"-A PREROUTING -i {CLIENT_DEVICE} -p tcp --dport 443 -j REDIRECT --to-ports {servers.INTERCEPTOR_PORT}"
    lab.arrange(Setting(nat=(to,), issuer="Middlebox on the way"))
    told = Told(lab, {"microsocks": proxies.link("socks5h", "microsocks")}, "x")
    assert told.over("x") == {"microsocks": ("works", None)}
    assert told.direct("x")[:2] == ("blocked", "tls_interception")


def test_a_wrong_clock_is_not_blamed_on_the_proxy(lab: Lab, proxies: Proxies) -> None:
    lab.arrange(Setting(clock_ahead=400 * 24 * 3600))
    told = Told(lab, {"microsocks": proxies.link("socks5h", "microsocks")}, "x")
    assert told.over("x") == {"microsocks": ("unknown", "wrong_clock")}


def test_a_proxy_at_the_end_of_a_very_slow_line_works_slowly(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    site = f"https://{HOME}/"
    with lab.rented("far", "104.201.0.10", line=Line(rtt=1.2)) as space:
        daemon = lab.start(space, "far-microsocks", "microsocks", "-i", "104.201.0.10", "-p", "1080")
        try:
            daemon.wait_for(("tcp", 1080))
            told = Told(lab, {"far": "socks5h://104.201.0.10:1080"}, "--url", site)
        finally:
            daemon.stop()
    assert told.over(site) == {"far": ("works", None)}
    assert told.way("far") == ("slow", None, "route.far_below_direct")
