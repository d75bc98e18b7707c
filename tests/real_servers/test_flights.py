"""The flights against real servers, which must take every layout, and against real filters, which must be passed as the table says."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

from diagnostics.judge.filters import FilterKind
from diagnostics.model import Status, Step
from diagnostics.probes.place import Place
from diagnostics.workarounds.attempt import Recipe, Try, attempt
from diagnostics.workarounds.first_flight import parse_layout
from diagnostics.workarounds.flights import Flights, Given, Outcome
from diagnostics.workarounds.http3 import attempt_http3
from diagnostics.workarounds.identity import LAYOUTS
from tests.conftest import RunAsync
from tests.real_servers.box import Looks
from tests.real_servers.censor import Scenario, boxed
from tests.real_servers.lab import Lab
from tests.real_servers.test_accounts import Servers as Daemons
from tests.real_servers.test_accounts import free_port, program
from tests.real_servers.world import Answer, Host
from tests.routes.loopback import HERE
from tests.workarounds.boxes import NAME, Box, Found, Site

BODY = "<title>page</title>\n" + "x" * 80_000
CUT_IN_NAME = {"rec:snimid", "recseg:snimid", "rec:1,snimid"}


class Servers(Daemons):
    """The daemons of this file; ``configs`` is the key that the one with encrypted names publishes."""

    configs = b""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Run nginx, HAProxy and OpenSSL's own server with one page and one certificate."""
    with ExitStack() as stack:
        known = Servers(tmp_path_factory.mktemp("flights"), stack)
        known.certificate, known.key = known.authority.issue("site", [NAME, "outer.example"])
        (known.folder / "index.html").write_text(BODY)
        known.ports = {name: free_port() for name in ("plain", "nginx", "haproxy", "openssl")}
        _run_nginx(known)
        _run_haproxy(known)
        words = ("openssl", "s_server", "-WWW", "-accept", f"{HERE}:{known.ports['openssl']}", "-quiet")
        files = ("-cert", str(known.certificate), "-key", str(known.key))
        inside = ("sh", "-c", f"cd {known.folder} && exec {' '.join((*words, *files))}")
        program("openssl")
        known.start("openssl", *inside, waits=[("tcp", known.ports["openssl"])])
        yield known


def _run_nginx(known: Servers) -> None:
    folder = known.folder
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    secure = f"listen {HERE}:{known.ports['nginx']} ssl; ssl_certificate {known.certificate}; ssl_certificate_key {known.key};"
    config = folder / "nginx.conf"
    owner = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        f"{owner} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; events {{ }}\n"
        f"http {{ access_log off; {temporary} default_type text/html; root {folder};\n"
        f"server {{ listen {HERE}:{known.ports['plain']}; {secure} }} }}\n"
    )
    folder.chmod(0o755)
    config_words = ("-e", "stderr", "-p", str(folder), "-c", str(config))
    known.start("nginx", program("nginx"), *config_words, waits=[("tcp", known.ports[name]) for name in ("plain", "nginx")])


def _run_haproxy(known: Servers) -> None:
    both = known.folder / "both.pem"
    both.write_text(known.certificate.read_text() + known.key.read_text())
    config = known.folder / "haproxy.cfg"
    config.write_text(
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
        f"frontend front\n bind {HERE}:{known.ports['haproxy']} ssl crt {both}\n default_backend back\n"
        f"backend back\n server nginx {HERE}:{known.ports['plain']}\n"
    )
    known.start("haproxy", program("haproxy"), "-db", "-f", str(config), waits=[("tcp", known.ports["haproxy"])])


def site_of(known: Servers) -> Site:
    """Return the search's side of a site whose servers run already."""
    return Site(known.folder, issuer=known.authority)


@pytest.mark.parametrize("server", ["nginx", "haproxy", "openssl"])
def test_real_servers_take_every_layout_and_give_the_whole_page(server: str, servers: Servers, run_async: RunAsync) -> None:
    site = site_of(servers)

    async def go() -> list[Try]:
        aim = replace(site.aim(), place=Place("https", NAME, servers.ports[server], "/index.html"))
        recipes = [Recipe(layout, 1, parse_layout(layout), gap) for layout in LAYOUTS for gap in (0.0, 0.02)]
        return [await attempt(site.context(), aim, HERE, recipe) for recipe in recipes]

    for tried in run_async(go()):
        page = tried.evidence[-1]
        assert tried.passed, tried.evidence
        assert (page.step, page.detail["body_bytes"], page.detail["complete"]) == (Step.HTTP, 65536, True)


@pytest.mark.parametrize("server", ["nginx", "haproxy", "openssl"])
def test_every_flight_opens_the_page_of_a_real_server(server: str, servers: Servers, run_async: RunAsync) -> None:
    site = site_of(servers)

    async def go() -> tuple[Outcome, ...]:
        aim = replace(site.aim(), place=Place("https", NAME, servers.ports[server], "/index.html"))
        return await Flights(site.context(), aim, Given((HERE,))).run()

    outcomes = {o.way: (o.passed, o.failed) for o in run_async(go()) if o.way != "h3"}
    assert outcomes == dict.fromkeys((*LAYOUTS, "browser"), (2, 0))


# --- sing-box: a site over HTTP/3, and one that reads encrypted names -----------------------------


@pytest.fixture(scope="module")
def sing_box(servers: Servers) -> Servers:
    """Run sing-box: its Hysteria2 poses as a web server over HTTP/3, its Trojan as one over TLS that takes encrypted names."""
    path = program("sing-box")
    configs, keys = keys_of(path)
    tls = {"enabled": True, "certificate_path": str(servers.certificate), "key_path": str(servers.key)}
    servers.ports |= {"h3": free_port(socket.SOCK_DGRAM), "ech": free_port()}
    login = [{"name": "a", "password": "pw"}]
    web: dict[str, Any] = {"type": "hysteria2", "users": login, "tls": tls | {"alpn": ["h3"]}, "listen_port": servers.ports["h3"]}
    web["masquerade"] = {"type": "file", "directory": str(servers.folder)}
    ech: dict[str, Any] = {"type": "trojan", "users": login, "listen_port": servers.ports["ech"]}
    ech |= {"tls": tls | {"alpn": ["http/1.1"], "ech": {"enabled": True, "key": keys}}}
    ech["fallback"] = {"server": HERE, "server_port": servers.ports["plain"]}
    inbounds = [inbound | {"tag": tag, "listen": HERE} for tag, inbound in (("h3", web), ("ech", ech))]
    config = {"log": {"level": "debug"}, "inbounds": inbounds, "outbounds": [{"type": "direct"}]}
    waits = [("udp", servers.ports["h3"]), ("tcp", servers.ports["ech"])]
    servers.configs = configs
    servers.start("sing-box", path, "run", "-c", servers.written("sing-box.json", config), waits=waits)
    return servers


def test_a_real_server_gives_the_page_over_http3(sing_box: Servers, run_async: RunAsync) -> None:
    site = site_of(sing_box)

    async def go() -> Try:
        aim = replace(site.aim(), place=Place("https", NAME, sing_box.ports["h3"], "/index.html"))
        return await attempt_http3(site.context(), aim, HERE, Recipe("h3", 1))

    tried = run_async(go())
    assert tried.passed, tried.evidence
    assert tried.evidence[-1].detail["body_bytes"] == 65536


def keys_of(path: str) -> tuple[bytes, list[str]]:
    """Return a new key as a site publishes it, and as its server reads it."""
    pair = subprocess.run([path, "generate", "ech-keypair", "outer.example"], capture_output=True, text=True, check=True).stdout
    configs, keys = re.findall(r"-----BEGIN ECH \w+-----\n.*?-----END ECH \w+-----", pair, re.DOTALL)
    return base64.b64decode("".join(configs.splitlines()[1:-1])), keys.splitlines()


def searched(known: Servers, configs: bytes, run_async: RunAsync) -> Found:
    """Try all flights to the server that takes encrypted names, behind a filter that reads all others."""
    pytest.importorskip("utls")
    site = site_of(known)
    site.box, site.upstream = Box(Looks.MESSAGE), known.ports["ech"]

    async def find(_host: str) -> bytes:
        return configs

    return run_async(site.search(find_configs=find))


def test_an_encrypted_name_passes_a_filter_that_reads_every_other(sing_box: Servers, run_async: RunAsync) -> None:
    found = searched(sing_box, sing_box.configs, run_async)
    assert found.ways(Status.WORKS) == {"ech"}
    assert found.ways(Status.BLOCKED) == {*LAYOUTS, "browser", "h3"}


def test_a_key_that_the_server_no_longer_has_is_no_way_and_hides_the_name_all_the_same(sing_box: Servers, run_async: RunAsync) -> None:
    found = searched(sing_box, keys_of(program("sing-box"))[0], run_async)
    assert found.judged["ech"] is Status.BLOCKED
    told = [o.detail["reason"] for o in found.observations if o.detail.get("way") == "ech" and o.step is Step.TLS]
    assert told == ["ECH_REJECTED"] * 2, "the filter did not see the name, and the server vouched for the name outside"


# --- a packet filter on the provider's router -----------------------------------------------------


def an_x_host(lab: Lab) -> Host:
    """Return a host whose name does not fit into one piece of the smallest cut."""
    return next(h for h in lab.world.hosts.values() if h.site == "service-x" and h.ports.get(443) is Answer.TLS and len(h.name) >= 14)


@pytest.mark.root
@pytest.mark.parametrize(
    "looks, passing, kind",
    [
        (Looks.PACKET, {*CUT_IN_NAME, "rec:sni", "seg:snimid", "chunk:16"}, FilterKind.PER_PACKET),
        (Looks.RECORD, {*CUT_IN_NAME, "rec:sni", "rec:1", "recseg:32"}, FilterKind.FIRST_RECORD),
        (Looks.STREAM, CUT_IN_NAME, FilterKind.REASSEMBLES_SEGMENTS),
        (Looks.MESSAGE, set[str](), FilterKind.REASSEMBLES_RECORDS),
    ],
)
def test_a_filter_on_the_way_is_passed_as_the_table_says(looks: Looks, passing: set[str], kind: FilterKind, lab: Lab) -> None:
    host, other = an_x_host(lab), next(h for h in lab.world.hosts.values() if h.site == "service-whatsapp")
    lab.arrange(boxed(lab.world, "x", looks))
    try:
        done = lab.run(sys.executable, "-m", "tests.real_servers.flyer", host.name, other.name, "443", *host.addresses)
    finally:
        lab.censor(Scenario.OPEN)
    assert done.status == 0, done.stderr
    told = json.loads(done.stdout)
    ways = {way: status for way, status in told["ways"].items() if way in LAYOUTS}
    assert ways == {way: "works" if way in passing else "blocked" for way in LAYOUTS}
    assert told["filter"] == kind
