"""A WireGuard server of the laboratory: wireguard-go on a computer of its own, the profile for it, and filters in between."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.real_servers.lab import Lab, Scenario
from tests.real_servers.netns import Namespace, command, missing_tools
from tests.real_servers.setting import Setting

SERVER = "104.210.7.2"
PORT = 51820
INSIDE, CLIENT_INSIDE = "10.77.0.1", "10.77.0.2"
TOOLS = {"wireguard-go": "wireguard-go", "wg": "wireguard-tools", "nft": "nftables"}
INITIATION = "udp length 156 @th,64,32 0x01000000 drop"


def new_key() -> tuple[str, str]:
    """Return a private and a public key as profiles have them."""
    private = X25519PrivateKey.generate()
    return base64.b64encode(private.private_bytes_raw()).decode(), base64.b64encode(private.public_key().public_bytes_raw()).decode()


@dataclass(frozen=True)
class Made:
    """A profile that works, to be spoilt by the tests."""

    space: Namespace
    device: str
    private: str
    server: str
    psk: str
    port: int = PORT
    host: str = SERVER
    address: str = CLIENT_INSIDE

    def text(self) -> str:
        """Return the .conf file."""
        return (
            f"[Interface]\nPrivateKey = {self.private}\nAddress = {self.address}/32\nDNS = {INSIDE}\nPostUp = touch /tmp/atajo-was-here\n"
            f"[Peer]\nPublicKey = {self.server}\nPresharedKey = {self.psk}\nEndpoint = {self.host}:{self.port}\nAllowedIPs = 0.0.0.0/0\n"
        )


@contextlib.contextmanager
def wireguard_server(lab: Lab) -> Iterator[Made]:
    """Run a WireGuard server that passes everything on, with a name server inside, and give a profile for it."""
    absent = missing_tools(TOOLS)
    assert not absent, absent
    own, server, psk = new_key(), new_key(), base64.b64encode(bytes(range(32))).decode()
    with lab.rented("tunnel", SERVER) as space, contextlib.ExitStack() as stack:
        device = start_wireguard(lab, space, stack)
        config = lab.folder / "server.conf"
        config.write_text(
            f"[Interface]\nPrivateKey = {server[0]}\nListenPort = {PORT}\n"
            f"[Peer]\nPublicKey = {own[1]}\nPresharedKey = {psk}\nAllowedIPs = {CLIENT_INSIDE}/32\n"
        )
        command(*space.wrap("wg", "setconf", device, str(config)))
        space.ip("addr", "add", f"{INSIDE}/24", "dev", device)
        space.ip("link", "set", device, "up")
        space.sysctl("net.ipv4.ip_forward", "1")
        lab.filter(space, "-A POSTROUTING -o up0 -j MASQUERADE", table="nat")
        resolver = min(lab.world.plain_resolvers)
        lab.filter(space, f"-A PREROUTING -d {INSIDE} -p udp --dport 53 -j DNAT --to-destination {resolver}", table="nat")
        yield Made(space, device, own[0], server[1], psk)


def start_wireguard(lab: Lab, space: Namespace, stack: contextlib.ExitStack) -> str:
    """Start wireguard-go on a computer until ``stack`` ends it, and return its device; its control socket's name is the machine's."""
    device = f"wg{space.name[-9:].replace('-', '')}"
    daemon = lab.start(space, f"wireguard-{device}", "env", "WG_PROCESS_FOREGROUND=1", "wireguard-go", device)
    stack.callback(daemon.stop)
    for _ in range(200):
        with contextlib.suppress(RuntimeError):
            space.ip("link", "show", device)
            return device
    raise AssertionError(device)


@contextlib.contextmanager
def censored(lab: Lab, rule: str) -> Iterator[None]:
    """Let the provider drop or reject what passes."""
    table = f"table ip atajo {{ chain c {{ type filter hook forward priority -5; {rule}; }}; }}\n"
    lab.at_provider("nft", table)
    try:
        yield
    finally:
        lab.at_provider("nft", "delete table ip atajo")


@contextlib.contextmanager
def clock_off(lab: Lab, seconds: int) -> Iterator[None]:
    """Let the client's clock be wrong by so many seconds."""
    lab.arrange(Setting(clock_ahead=seconds))
    try:
        yield
    finally:
        lab.censor(Scenario.OPEN)


def report_on(lab: Lab, made: Made, *more: str, **environment: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the report of ``vpn PROFILE``, what it says of the profile, and what a person reads."""
    profile = Path(lab.folder) / "mine.conf"
    profile.write_text(made.text())
    done = lab.atajo("vpn", str(profile), *more, "--json", "-", timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    return report, next(route for route in report["routes"] if route["kind"] == "wireguard"), done.stderr


def verdict(route: dict[str, Any]) -> tuple[str, str | None, str]:
    return route["status"], route["cause"], route["rule"]
