"""OpenVPN's own servers in a namespace, in seven configurations at once, and profiles for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.real_servers.netns import IDEAL, Line, Namespace, command, join, set_up
from tests.real_servers.processes import Daemon
from tests.vpn.openvpn.papers import CLIENT_AUTH, Issuer, Paper, new_static_key

TOOLS = {"openvpn": "openvpn", "nft": "nftables", "ip": "iproute2", "setpriv": "util-linux"}
SERVER, CLIENT = "10.98.9.1", "10.98.9.2"
CLOSED = 1999
USER, PASSWORD = "ana.perez77", "secreto-de-ana"
WITHOUT_RIGHTS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
CHECK = '#!/bin/sh\n[ "$(head -n 1 "$1")" = ana.perez77 ] && [ "$(tail -n 1 "$1")" = secreto-de-ana ]\n'

MODES: Mapping[str, tuple[int, str]] = {
    "plain": (1201, "udp"),
    "auth-sha1": (1202, "udp"),
    "auth-sha512": (1203, "udp"),
    "crypt": (1204, "udp"),
    "crypt-v2": (1205, "udp"),
    "tcp-plain": (1206, "tcp"),
    "tcp-crypt": (1207, "tcp"),
}
"""The configurations of vpn.md: port and transport of each."""

MORE: Mapping[str, tuple[int, str]] = {
    "expired": (1208, "udp"),
    "client-kind": (1209, "udp"),
    "cookie": (1210, "udp"),
    "large": (1211, "udp"),
    "any-certificate": (1212, "udp"),
}
"""A server whose certificate has run out, one with a client's, one that insists on cookies, one with a large certificate, and one that
asks for no login but a certificate."""


@dataclass(frozen=True)
class Mine:
    """A profile that works, to be spoilt by the tests."""

    mode: str
    ca: str
    own: Paper
    wrap: str = ""
    lines: tuple[str, ...] = ()
    port: int = 0
    asks: bool = True
    remotes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the .ovpn file."""
        port, transport = {**MODES, **MORE}[self.mode]
        remotes = self.remotes or (f"remote {SERVER} {self.port or port} {transport}",)
        return "\n".join(
            [
                *("client", "dev tun", "nobind", "remote-cert-tls server", *remotes, *self.lines),
                *(["auth-user-pass"] if self.asks else []),
                *(f"<ca>\n{self.ca}</ca>", f"<cert>\n{self.own.certificate}</cert>", f"<key>\n{self.own.key}</key>", self.wrap, ""),
            ]
        )


@dataclass
class OpenVpnLab:
    """The servers, the way to them, and the person's papers."""

    near: Namespace
    far: Namespace
    folder: Path
    issuer: Issuer
    own: Paper
    static: str
    v2: tuple[str, str]
    papers: Mapping[str, Paper]
    line: Line = IDEAL
    daemons: dict[str, Daemon] = field(default_factory=dict)

    def profile(self, mode: str, **changes: Any) -> Mine:
        """Return a profile for a configuration, with changes."""
        wrap = ""
        lines: tuple[str, ...] = ()
        if "auth" in mode:
            wrap = f"<tls-auth>\n{self.static}</tls-auth>"
            lines = ("key-direction 1", f"auth {mode.rpartition('-')[2].upper()}")
        elif mode in ("crypt-v2", "cookie"):
            wrap = f"<tls-crypt-v2>\n{self.v2[1]}</tls-crypt-v2>"
        elif "crypt" in mode:
            wrap = f"<tls-crypt>\n{self.static}</tls-crypt>"
        return replace(Mine(mode, self.issuer.root, self.own, wrap, lines), **changes)

    def ask(self, **profiles: Mine | tuple[Mine, str, str]) -> dict[str, Any]:
        """Test profiles at once, as a user without any right; with a name and a password where they log in, too."""
        asked = {}
        for name, given in profiles.items():
            mine, *login = given if isinstance(given, tuple) else (given,)
            user, password = login or ("", "")
            told = {"login": bool(login), "user": user, "password": password, "quick": self.line == IDEAL}
            asked[name] = {"text": mine.text(), **told}
        words = self.near.wrap(*WITHOUT_RIGHTS, sys.executable, "-m", "tests.real_servers.openvpn_asker")
        done = subprocess.run(words, input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @contextmanager
    def filtered(self, rule: str) -> Iterator[None]:
        """Let a filter between the two do what ``rule`` says."""
        table = f"table inet censor {{ chain input {{ type filter hook input priority 0; {rule}; }}\n}}\n"
        command(*self.far.wrap("nft", "-f", "-"), text=table)
        try:
            yield
        finally:
            command(*self.far.wrap("nft", "delete", "table", "inet", "censor"))

    @contextmanager
    def narrowed(self, rule: str) -> Iterator[None]:
        """Let a filter do what ``rule`` says to the servers' answers."""
        table = f"table inet narrow {{ chain output {{ type filter hook output priority 0; {rule}; }}\n}}\n"
        command(*self.far.wrap("nft", "-f", "-"), text=table)
        try:
            yield
        finally:
            command(*self.far.wrap("nft", "delete", "table", "inet", "narrow"))

    def wait_for(self, mode: str) -> None:
        """Wait until a server takes clients."""
        port, transport = {**MODES, **MORE}[mode]
        self.daemons[mode].wait_for((transport, port))
        self.daemons[mode].wait_for_line("Initialization Sequence Completed")

    def start(self, mode: str) -> None:
        """Start one server."""
        port, transport = {**MODES, **MORE}[mode]
        number = [*MODES, *MORE].index(mode)
        paper = self.papers.get(mode, self.papers[""])
        certificate, key = self._written(f"{mode}.pem", paper.certificate), self._written(f"{mode}.key", paper.key)
        words = [
            "--dev",
            f"ov{number}{self.far.name[-6:].replace('-', '')}",
            "--dev-type",
            "tun",
            "--server",
            f"10.{90 + number}.0.0",
            "255.255.255.0",
        ]
        words += ["--ca", str(self.folder / "ca.pem"), "--cert", certificate, "--key", key, "--dh", "none", "--topology", "subnet"]
        words += ["--proto", "tcp-server" if transport == "tcp" else "udp", "--port", str(port), "--keepalive", "10", "60", "--verb", "3"]
        words += ["--push", "route 172.20.0.0 255.255.0.0", "--push", "dhcp-option DNS 10.90.0.1", "--push", "redirect-gateway def1"]
        static = str(self.folder / "static.key")
        if mode != "any-certificate":
            words += ["--script-security", "2", "--auth-user-pass-verify", str(self.folder / "check"), "via-file"]
        if "auth" in mode:
            words += ["--tls-auth", static, "0", "--auth", mode.rpartition("-")[2].upper()]
        elif mode == "crypt-v2":
            words += ["--tls-crypt-v2", self.v2[0]]
        elif mode == "cookie":
            words += ["--tls-crypt-v2", self.v2[0], "force-cookie"]
        elif "crypt" in mode:
            words += ["--tls-crypt", static]
        self.daemons[mode] = Daemon(self.far, self.folder / f"{mode}.log", "openvpn", "--config", "/dev/null", *words)

    def log(self, mode: str) -> str:
        """Return what a server wrote down."""
        return (self.folder / f"{mode}.log").read_text(errors="replace")

    def _written(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)


@contextmanager
def openvpn_lab(folder: Path, line: Line = IDEAL, name: str = "ovpn") -> Iterator[OpenVpnLab]:
    """Run every server, behind a ``line``, until the block ends; ``name`` tells laboratories apart that run at once."""
    with ExitStack() as stack:
        far, near = Namespace(name, "far"), Namespace(name, "near")
        stack.callback(far.remove)
        stack.callback(near.remove)
        carrying = join(far, "ov-far", near, "ov-near", line)
        if carrying:
            carrier = Daemon(far, folder / "carrier.log", *carrying)
            stack.callback(carrier.stop)
            carrier.wait_for_line("ready")
        set_up(far, "ov-far", f"{SERVER}/24")
        set_up(near, "ov-near", f"{CLIENT}/24")
        far.sysctl("net.ipv4.icmp_ratelimit", "0")
        lab = prepared(near, far, folder, line)
        for mode in {**MODES, **MORE}:
            lab.start(mode)
            stack.callback(lab.daemons[mode].stop)
        for mode in {**MODES, **MORE}:
            lab.wait_for(mode)
        yield lab


def prepared(near: Namespace, far: Namespace, folder: Path, line: Line = IDEAL) -> OpenVpnLab:
    """Write what the servers need into a folder; none runs yet."""
    issuer, static = Issuer(), new_static_key()
    papers = {
        "": issuer.issue("server-1"),
        "expired": issuer.issue("server-1", last=-1),
        "client-kind": issuer.issue("server-1", CLIENT_AUTH),
        "large": issuer.issue("server-1", padding=3000),
    }
    (folder / "ca.pem").write_text(issuer.root)
    (folder / "static.key").write_text(static)
    (folder / "static.key").chmod(0o600)
    (folder / "check").write_text(CHECK)
    (folder / "check").chmod(0o755)
    own = issuer.issue("client-1", CLIENT_AUTH)
    return OpenVpnLab(near, far, folder, issuer, own, static, new_v2_keys(folder), papers, line)


def new_v2_keys(folder: Path) -> tuple[str, str]:
    """Return the file of a tls-crypt-v2 server's key, and the text of a client's; made by OpenVPN itself."""
    server, client = folder / "v2-server.key", folder / "v2-client.key"
    command("openvpn", "--genkey", "tls-crypt-v2-server", str(server))
    command("openvpn", "--tls-crypt-v2", str(server), "--genkey", "tls-crypt-v2-client", str(client))
    return str(server), client.read_text()
