"""A computer at home, its provider, a VPN server and the rest of the world, each in a namespace; WireGuard between the first and third.

::

    client 186.88.1.2 ── provider ── world ── VPN server 185.65.1.1
           └────────────── WireGuard ──────────────┘

Addresses look public, since private ones are nobody's network.  Nothing leaves the namespaces.  What is in the world is told in
``tunnel_servers.py``.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import msgspec

from diagnostics.model import Report
from tests.real_servers import tunnel_servers as servers
from tests.real_servers.authority import Authority
from tests.real_servers.netns import IDEAL, Line, Namespace, command, join, missing_tools, set_up, sweep
from tests.real_servers.processes import Daemon
from tests.real_servers.tunnel_servers import HOME, HOME6, PROVIDERS_RESOLVER, STUN, VPN, VPN6, VPNS_RESOLVER

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = {
    "ip": "iproute2",
    "nft": "nftables",
    "wg": "wireguard-tools",
    "wireguard-go": "wireguard-go",
    "setpriv": "util-linux",
    "unbound": "unbound",
    "nginx": "nginx",
    "turnserver": "coturn",
}
USER = 65534
ORDINARY_USER = (f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
HALVES = ("0.0.0.0/1", "128.0.0.0/1")


def _carries(space: Namespace, device: str) -> bool:
    """Tell whether wireguard-go has its device, and the socket by which it is set up: that comes a moment later."""
    return Path(f"/var/run/wireguard/{device}.sock").exists() and device in space.ip("-o", "link")


class Ran(msgspec.Struct, frozen=True):
    """How ``python -m app vpn`` ended: exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str

    @property
    def report(self) -> Report:
        """Return the report that was printed."""
        return msgspec.json.decode(self.stdout, type=Report)


class TunnelLab:
    """The whole world; a context manager.  After entering, the tunnel is up and everything goes through it."""

    def __init__(self, far: Line = IDEAL) -> None:
        """Prepare nothing yet; ``far`` is the line between the provider and the world, below the tunnel."""
        self._far = far
        self._stack = ExitStack()
        self._folder = Path()
        self._in_the_way: Daemon | None = None
        self._device = f"wgc{os.getpid()}{id(self) % 1000}"[:15]  # the control sockets of wireguard-go are the whole machine's
        self._far_device = f"wgs{os.getpid()}{id(self) % 1000}"[:15]

    def __enter__(self) -> Self:
        """Build everything; what fails on the way is taken down again."""
        if lacking := missing_tools(TOOLS):
            message = f"missing packages: {' '.join(lacking)}"
            raise RuntimeError(message)
        sweep()
        with self._stack as stack:
            self._folder = Path(tempfile.mkdtemp(prefix="atajo-tunnel-"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder.chmod(0o755)
            self.data = self._folder / "data"
            self.data.mkdir()
            os.chown(self.data, USER, USER)
            self.client, self.provider, self.vpn, self.world = (self._space(role) for role in ("cl", "pr", "vp", "wo"))
            self._connect()
            self._serve()
            self._tunnel()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove everything."""
        self._stack.close()

    @property
    def device(self) -> str:
        """Return what the tunnel's adapter at home is called."""
        return self._device

    @property
    def far_device(self) -> str:
        """Return what the tunnel's adapter at the VPN's server is called."""
        return self._far_device

    # --- building ---

    def _space(self, role: str) -> Namespace:
        space = Namespace(self._device, role)
        self._stack.callback(space.remove)
        for key, value in (("ip_forward", "1"), ("icmp_ratelimit", "0")):
            space.sysctl(f"net.ipv4.{key}", value)
        for key, value in (("all.forwarding", "1"), ("all.accept_dad", "0"), ("default.accept_dad", "0")):
            space.sysctl(f"net.ipv6.conf.{key}", value)
        return space

    def _connect(self) -> None:
        client, provider, vpn, world = self.client, self.provider, self.vpn, self.world
        join(client, "cl0", provider, "pr0", IDEAL)
        if carrying := join(provider, "pr1", world, "wo0", self._far):
            self._start(provider, *carrying).wait_for_line("ready")
        join(vpn, "vp0", world, "wo1", IDEAL)
        set_up(provider, "pr0", "186.88.1.1/24")
        self.line_up()
        set_up(world, "wo0", "190.202.1.2/24")
        set_up(provider, "pr1", "190.202.1.1/24", gateway="190.202.1.2")
        set_up(world, "wo1", "185.65.1.254/24")
        set_up(vpn, "vp0", f"{VPN}/24", gateway="185.65.1.254")
        provider.ip("addr", "add", f"{PROVIDERS_RESOLVER}/32", "dev", "lo")
        for space, device, address in (
            *((provider, "pr0", "2800:a1::1/64"), (provider, "pr1", "2800:a2::1/64"), (world, "wo0", "2800:a2::2/64")),
            *((world, "wo1", "2a02:b1::fe/64"), (vpn, "vp0", f"{VPN6}/64")),
        ):
            space.ip("addr", "add", address, "dev", device, "nodad")
        provider.ip("-6", "route", "add", "default", "via", "2800:a2::2")
        vpn.ip("-6", "route", "add", "default", "via", "2a02:b1::fe")
        for prefix in ("186.88.1.0/24", "200.44.32.0/24"):
            world.ip("route", "add", prefix, "via", "190.202.1.1")
        world.ip("-6", "route", "add", "2800:a1::/64", "via", "2800:a2::1")
        for other in (servers.ANOTHER_EXIT, servers.EXIT_AT_HOME):
            world.ip("route", "add", f"{other}/32", "via", VPN)
        world.ip("route", "add", "unreachable", "default")
        own = {a for addresses in servers.hosts().values() for a in addresses}
        own |= {*servers.PUBLIC_RESOLVERS, servers.PUBLIC_ASKS_FROM, servers.NAME_SERVER, servers.THIRD_RESOLVER, *servers.RESOLVERS6}
        for address in sorted(own):
            world.ip("addr", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo", *(["nodad"] if ":" in address else []))

    def _serve(self) -> None:
        authority = Authority(self._folder)
        self.bundle = authority.bundle
        facts = self._folder / "echoes.json"
        facts.write_text(json.dumps({"hosts": servers.hosts(), "networks": servers.NETWORKS}))
        program = ("env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.real_servers.echoes")
        self._start(self.world, *program, servers.NAME_SERVER, str(facts)).wait_for_line("ready")
        dot = authority.issue("dot", ["one.one.one.one", "dns.google", "cloudflare-dns.com", *servers.PUBLIC_RESOLVERS])
        self._resolve(self.provider, PROVIDERS_RESOLVER, PROVIDERS_RESOLVER)
        self._resolve(self.world, servers.THIRD_RESOLVER, servers.THIRD_RESOLVER)
        first, *others = servers.PUBLIC_RESOLVERS
        secure = [f"interface: {a}@853" for a in servers.PUBLIC_RESOLVERS] + [f"interface: {a}@53" for a in others]
        secure += [f'tls-service-pem: "{dot[0]}"', f'tls-service-key: "{dot[1]}"', "tls-port: 853"]
        self._resolve(self.world, first, servers.PUBLIC_ASKS_FROM, *secure)
        names = [name for name in servers.hosts() if name not in STUN]
        self._start(self.world, *self._nginx(servers.pages(self._folder, authority.issue("site", names)))).wait_for(("tcp", 443))
        stun = ("-n", "--no-auth", "--no-tls", "--no-dtls", "--no-cli", "--pidfile", f"{self._folder}/turn.pid", "--log-file", "stdout")
        listens = [word for address in STUN.values() for word in ("-L", address)]
        self._start(self.world, "turnserver", *stun, *listens, "--userdb", f"{self._folder}/turn.db").wait_for(("udp", 3478))
        self._strangers = Authority(self._folder, "Stranger Root").issue("stranger", names)

    @staticmethod
    def _nginx(conf: Path) -> tuple[str, ...]:
        return "nginx", "-e", "stderr", "-c", str(conf)

    def _start(self, space: Namespace, *words: str) -> Daemon:
        daemon = Daemon(space, self._folder / f"{Path(words[0]).name}-{len(list(self._folder.iterdir()))}.log", *words)
        self._stack.callback(daemon.stop)
        return daemon

    def _resolve(self, space: Namespace, address: str, asks_from: str, *lines: str) -> None:
        self._start(space, "unbound", "-d", "-c", str(servers.unbound(self._folder, address, asks_from, *lines))).wait_for(("udp", 53))

    def _tunnel(self) -> None:
        keys = {role: command("wg", "genkey").strip() for role in ("client", "server")}
        public = {role: command("wg", "pubkey", text=key).strip() for role, key in keys.items()}
        server = f"ListenPort = 51820\nPrivateKey = {keys['server']}\n[Peer]\nPublicKey = {public['client']}\n"
        home = f"PrivateKey = {keys['client']}\n[Peer]\nPublicKey = {public['server']}\nEndpoint = {VPN}:51820\nPersistentKeepalive = 5\n"
        ends = (
            (self.vpn, self._far_device, 1, f"[Interface]\n{server}AllowedIPs = 10.64.0.2/32, fd64::2/128\n"),
            (self.client, self._device, 2, f"[Interface]\n{home}AllowedIPs = 0.0.0.0/0, ::/0\n"),
        )
        for space, device, number, text in ends:
            carrying = self._start(space, "env", "WG_PROCESS_FOREGROUND=1", "wireguard-go", device)
            carrying._wait_until(functools.partial(_carries, space, device))
            settings = self._folder / f"{device}.conf"
            settings.write_text(text)
            command(*space.wrap("wg", "setconf", device, str(settings)))
            space.ip("addr", "add", f"10.64.0.{number}/24", "dev", device)
            space.ip("addr", "add", f"fd64::{number}/64", "dev", device, "nodad")
            space.ip("link", "set", device, "up")
        self._resolve(self.vpn, VPNS_RESOLVER, VPN)

    # --- what a test changes ---

    def reset(self) -> None:
        """Let everything go through the tunnel, with the VPN's resolver, the provider offer IPv6 to nobody, and nothing be remembered."""
        self.rules("")
        self.filter_world("")
        self.client.ip("rule", "flush")
        for priority, table in ((32766, "main"), (32767, "default")):
            self.client.ip("rule", "add", "priority", str(priority), "lookup", table)
        self.client.ip("route", "replace", f"{VPN}/32", "via", "186.88.1.1")
        self.tunnel_up()
        if PROVIDERS_RESOLVER in self.client.ip("route"):
            self.client.ip("route", "del", f"{PROVIDERS_RESOLVER}/32")
        self.client.ip("-6", "route", "flush", "default")
        self.client.ip("-6", "addr", "flush", "dev", "cl0", "scope", "global")
        self.names(VPNS_RESOLVER)
        for file in self.data.iterdir():
            if file.is_file():
                file.unlink()

    def names(self, *addresses: str) -> None:
        """Set the computer's name servers; those of the provider are reached beside the tunnel."""
        self.client.write_etc(
            resolv_conf="".join(f"nameserver {each}\n" for each in addresses),
            hosts="127.0.0.1 localhost\n",
            nsswitch_conf="passwd: files\ngroup: files\nhosts: files dns\n",
        )
        if PROVIDERS_RESOLVER in addresses:
            self.client.ip("route", "replace", f"{PROVIDERS_RESOLVER}/32", "via", "186.88.1.1")

    def line_up(self) -> None:
        """Connect the computer to its provider."""
        set_up(self.client, "cl0", f"{HOME}/24", gateway="186.88.1.1")

    def tunnel_down(self) -> None:
        """Let everything go out as it would without a VPN; its adapter stays, as it does with many."""
        self.client.ip("link", "set", self._device, "down")

    def tunnel_up(self) -> None:
        """Let everything go through the tunnel."""
        self.client.ip("link", "set", self._device, "up")
        self.client.ip("-6", "addr", "replace", "fd64::2/64", "dev", self._device, "nodad")
        for half in HALVES:
            self.client.ip("route", "replace", half, "dev", self._device)

    def ipv6_beside(self) -> None:
        """Give the computer IPv6 of its provider, outside the tunnel."""
        self.client.ip("addr", "add", f"{HOME6}/64", "dev", "cl0", "nodad")
        self.client.ip("-6", "route", "replace", "default", "via", "2800:a1::1", "dev", "cl0")

    def ipv6_inside(self) -> None:
        """Carry IPv6 through the tunnel."""
        self.client.ip("-6", "route", "replace", "default", "dev", self._device)

    def calls_beside(self) -> None:
        """Send what goes to port 3478 beside the tunnel, as a policy by port would."""
        self.client.ip("route", "replace", "default", "via", "186.88.1.1", "dev", "cl0", "table", "77")
        self.client.ip("rule", "add", "priority", "100", "ipproto", "udp", "dport", "3478", "lookup", "77")

    def rules(self, forward: str, nat: str = "", arrive: str = "", leave: str = "", send: str = "") -> None:
        """Set the VPN server's packet filter: lines of its forward, prerouting and input chains, and for what leaves (nat, filter)."""
        text = (
            f"flush ruleset\ntable inet lab {{\n chain post {{ type nat hook postrouting priority 100; {leave} oifname vp0 masquerade; }}\n"
            f" chain pre {{ type nat hook prerouting priority -100; {nat} }}\n"
            f" chain passing {{ type filter hook forward priority 0; {forward} }}\n"
            f" chain arriving {{ type filter hook input priority 0; {arrive} }}\n"
            f" chain sending {{ type filter hook postrouting priority 0; {send} }}\n}}\n"
        )
        command(*self.vpn.wrap("nft", "-f", "-"), text=text)

    def filter_world(self, rule: str) -> None:
        """Set the world's packet filter: lines of its input chain."""
        text = f"flush ruleset\ntable inet lab {{\n chain arriving {{ type filter hook input priority 0; {rule} }}\n}}\n"
        command(*self.world.wrap("nft", "-f", "-"), text=text)

    def mute(self) -> None:
        """Let the server swallow everything that comes out of the tunnel, and what is on its way back from before."""
        far = self._far_device
        self.rules(f"iifname {far} drop;", arrive=f"iifname {far} drop;", send=f"oifname {far} drop;")

    def intercept(self) -> None:
        """Let the VPN server show certificates of its own for every page."""
        self._stand_in_the_way()
        self.rules("", f"iifname {self._far_device} tcp dport 443 redirect to :{servers.STRANGER_PORT};")

    def sign_in(self) -> None:
        """Let the VPN server show a page to sign in instead of everything, as one does whose customer has not paid."""
        self._stand_in_the_way()
        inside = f"iifname {self._far_device} tcp dport"
        self.rules(f"{inside} 443 reject with tcp reset;", f"{inside} 80 redirect to :{servers.SIGN_IN_PORT};")

    def _stand_in_the_way(self) -> None:
        if self._in_the_way is None:
            self._in_the_way = self._start(self.vpn, *self._nginx(servers.strangers(self._folder, self._strangers)))
            self._in_the_way.wait_for(("tcp", servers.STRANGER_PORT), ("tcp", servers.SIGN_IN_PORT))

    # --- what a person does ---

    def remember(self, memory: dict[str, Any]) -> None:
        """Let an earlier run without the VPN have left what it knew."""
        file = self.data / "line.json"
        file.write_text(json.dumps(memory))
        os.chown(file, USER, USER)

    def atajo(self, *words: str, timeout: float = 120.0) -> Ran:
        """Run the unmodified command line at home, as an ordinary user without capabilities."""
        with self.begun(*words) as process:
            return ended(process, timeout)

    def begun(self, *words: str) -> subprocess.Popen[str]:
        """Begin to run the same; whoever begins it ends it with ``ended``."""
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.data)}
        environment |= {"SSL_CERT_FILE": str(self.bundle), "ATAJO_DATA": str(self.data)}
        return subprocess.Popen(
            self.client.wrap("setpriv", *ORDINARY_USER, sys.executable, "-u", "-m", "app", *words),
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def ended(process: subprocess.Popen[str], timeout: float = 120.0) -> Ran:
    """Wait for a command line and return how it ended; one that takes too long is killed.  Raises subprocess.TimeoutExpired."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    finally:
        process.kill()  # nothing happens to one that has ended
    assert "Traceback" not in stderr, stderr
    return Ran(process.returncode, stdout, stderr)
