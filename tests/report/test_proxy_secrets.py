"""Nothing of a person's proxies survives into logs, reports or pages: not its secrets, not its name, not where it lives."""

from __future__ import annotations

import base64
import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.report_view import html_page
from diagnostics.catalog import load_catalog
from diagnostics.model import Report
from diagnostics.plan import make_plan
from diagnostics.report.contract import dump
from diagnostics.report.redaction import redacted
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Link, LinkError
from diagnostics.runner import Run
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import open_simulation
from tests.conftest import RunAsync

KEY = base64.b64encode(b"plantado-0123456").decode()
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
SECRET_HEX = "dd" + "5ec7e7" * 5 + "ab"
VMESS = {
    "v": "2",
    "ps": "nombre-plantado",
    "add": "servidor-plantado.example",
    "port": "443",
    "id": UUID,
    "aid": "0",
    "net": "tcp",
    "tls": "",
}

LINKS = {
    "address": "servidor-plantado.example:1080:usuaria-plantada:clave-plantada",
    "http": "http://usuaria-plantada:clave-plantada@servidor-plantado.example:8080#nombre-plantado",
    "https": "https://usuaria-plantada:clave-plantada@104.200.77.88:443#nombre-plantado",
    "socks4": "socks4://usuaria-plantada@104.200.77.88:1080",
    "socks4a": "socks4a://usuaria-plantada@servidor-plantado.example:1080",
    "socks5": "socks5://usuaria-plantada:clave-plantada@104.200.77.88:1080#nombre-plantado",
    "socks5h": "socks5h://usuaria-plantada:clave-plantada@servidor-plantado.example:1080",
    "ss": "ss://aes-256-gcm:clave-plantada@104.200.77.88:8388?prefix=plantado#nombre-plantado",
    "ss-2022": f"ss://2022-blake3-aes-128-gcm:{KEY}@104.200.77.88:8388",
    "trojan": "trojan://clave-plantada@104.200.77.88:443?sni=servidor-plantado.example#nombre-plantado",
    "vless": f"vless://{UUID}@servidor-plantado.example:443?security=tls&type=ws&path=/camino-plantado",
    "reality": f"vless://{UUID}@104.200.77.88:443?security=reality&pbk=clave-plantada&sid=abcd#nombre-plantado",
    "vmess": "vmess://" + base64.b64encode(json.dumps(VMESS).encode()).decode(),
    "hysteria2": "hysteria2://clave-plantada@104.200.77.88:443?sni=servidor-plantado.example&obfs=salamander&obfs-password=otra-plantada",
    "tuic": f"tuic://{UUID}:clave-plantada@104.200.77.88:443",
    "outline": "ssconf://servidor-plantado.example/camino-plantado",
    "mtproto": f"tg://proxy?server=servidor-plantado.example&port=443&secret={SECRET_HEX}",
    "signal": "https://signal.tube/#servidor-plantado.example",
    "chain": "socks5h://usuaria-plantada:clave-plantada@104.200.77.88:1080|http://otra:clave2-plantada@servidor-plantado.example:3128",
}
PLANTED = ("plantad", KEY, UUID, UUID.replace("-", ""), SECRET_HEX, "104.200.77.88")


def whereabouts(text: str) -> list[str]:
    lower = text.lower()
    return [planted for planted in PLANTED if planted.lower() in lower]


async def measured(link: Link) -> Report:
    catalog = load_catalog()
    async with open_simulation(load_scenarios()["open"], catalog, seed=1) as network:
        return await Run(make_plan(["x"], [], catalog, routes=[link]), network).complete()


@pytest.mark.parametrize("kind", LINKS)
def test_a_run_over_a_proxy_tells_nothing_of_it(kind: str, run_async: RunAsync, caplog: pytest.LogCaptureFixture) -> None:
    link = parse_link(LINKS[kind])
    assert whereabouts(f"{link.host} {link.user.reveal()} {link.secret.reveal()}"), "nothing is planted"
    with caplog.at_level(logging.DEBUG):
        report = run_async(measured(link))
    assert any(route.id == link.id for route in report.routes)
    assert whereabouts(caplog.text) == []
    assert whereabouts(dump(report).decode()) == []
    shared = redacted(report).report
    assert whereabouts(dump(shared).decode() + html_page(shared, "es") + html_page(report, "en")) == []
    assert whereabouts(repr(link) + str(link) + f"{link!r:>20}") == []


@given(secret=st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=8, max_size=40))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_planted_password_is_repeated_by_a_link_or_by_what_is_wrong_with_one(secret: str) -> None:
    for template in ("socks5://ana:{}@h.example:1080", "trojan://{}@h.example:443", "http://{}@h.example:99999", "vless://{}@h.example:1"):
        try:
            said = repr(parse_link(template.format(secret)))
        except LinkError as error:
            said = f"{error} {error.values}"
        assert secret not in said
