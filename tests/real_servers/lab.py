"""A laboratory of three network namespaces: a client, a provider whose router may censor, and an Internet.

::

    client 192.168.77.2 ── 192.168.77.1 provider 100.64.0.1 ── 100.64.0.2 Internet (every public address, on lo)
                           unbound, iptables, nginx            unbound, dnsdist, nginx
                           (the block page)

Nothing leads out of it: the last default route is ``unreachable``.  Needs root and the packages in ``TOOLS``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from diagnostics.catalog import Catalog
from tests.real_servers import servers
from tests.real_servers.authority import Authority
from tests.real_servers.censor import Scenario, censorship
from tests.real_servers.netns import IDEAL, Line, Namespace, carrier, command, join, missing_tools, set_up, sweep
from tests.real_servers.processes import Daemon
from tests.real_servers.setting import CLIENT_DEVICE, RESOLVER, Setting
from tests.real_servers.world import World

CHECKOUT = Path(__file__).resolve().parents[2]
CLIENT = "192.168.77.2"
CLIENT6, ROUTER6 = "2800:77::2", "2800:77::1"
STRANGER = "104.200.1.1"
"""What the racer answers: an address of nobody."""
_FOLDER = "atajo-lab-"
TOOLS = {
    "ip": "iproute2",
    "iptables": "iptables",
    "unbound": "unbound",
    "nginx": "nginx",
    servers.STREAM_MODULE: "libnginx-mod-stream",
    "dnsdist": "dnsdist",
    "setpriv": "util-linux",
}
"""What has to be installed: program or file, and its Debian package."""


@dataclass(frozen=True)
class Finished:
    """A program that ran inside the client: exit status, output, and how long it took by the monotonic clock."""

    status: int
    stdout: str
    stderr: str
    seconds: float


class Lab:
    """The laboratory; a context manager.  After entering, everything is open."""

    def __init__(self, catalog: Catalog, *, near: Line = IDEAL, far: Line = IDEAL, world: World | None = None) -> None:
        """Prepare a laboratory for every host of a catalog, or a ``world``; ``near`` is the client's line, ``far`` the provider's."""
        self.world = world or World(catalog)
        self._lines = (near, far)
        self._stack = ExitStack()
        self._running: dict[str, Daemon] = {}
        self._current: Setting | None = None
        self._dark: set[str] = set()
        self._near, self._ipv6, self._link_up = near, False, True

    def __enter__(self) -> Self:
        """Build everything and wait until it answers.  Raises RuntimeError; what was built is removed then."""
        absent = missing_tools(TOOLS)
        if absent:
            raise RuntimeError(f"missing programs: apt-get install -y {' '.join(absent)}")
        sweep()
        with ExitStack() as stack:
            self._stack = stack
            self._build()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """End every daemon and remove every namespace and file."""
        self._stack.__exit__(kind, error, traceback)

    def censor(self, scenario: Scenario, service: str = "x") -> None:
        """Let the censor do to a service what the scenario says, and nothing else."""
        self.arrange(censorship(scenario, self.world, service))

    def arrange(self, wanted: Setting) -> None:
        """Change what differs from the present setting; nothing of that one stays."""
        before, self._current = self._current, None  # what fails half-way is arranged anew next time
        command(*self._provider.wrap(self._iptables_restore), text=wanted.tables)
        self._switch_off(set())  # servers that start need their addresses
        if before is None or wanted.public_dns != before.public_dns:
            self._restart_public(wanted)
        if before is None or wanted.conduct != before.conduct:
            self._restart_pages(wanted)
        if before is None or wanted.dns != before.dns:
            self._restart_resolver(wanted)
        if wanted.link_up != self._link_up:
            self._set_client_link(up=wanted.link_up)
        if (wanted.near or self._lines[0]) != self._near:
            self._carry_near(wanted.near or self._lines[0])
        self._switch_off(set(wanted.dark))
        if wanted.ipv6 != self._ipv6:
            self._announce_ipv6(present=wanted.ipv6)
        self._stop("injector", "interceptor", "box")
        if wanted.box:
            looks, *names = wanted.box
            box = ("env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.real_servers.box")
            self._restart("box", self._provider, *box, looks, str(servers.BOX_PORT), *names)
            self._running["box"].wait_for_line("ready")
        if wanted.injected:
            program = str(Path(__file__).with_name("injector.py"))
            self._restart("injector", self._provider, sys.executable, program, CLIENT_DEVICE, STRANGER, *wanted.injected)
            self._running["injector"].wait_for_line("ready")
        stranger = self._start_interceptor(wanted.issuer) if wanted.issuer else None
        self._write_etc(wanted, stranger)
        if wanted.clock_ahead and not self._clock_shim.exists():
            command("cc", "-shared", "-fPIC", "-O1", "-o", str(self._clock_shim), str(Path(__file__).with_name("wallclock.c")))
        self._current = wanted

    def run(self, *words: str, timeout: float = 60.0, **environment: str) -> Finished:
        """Run a program inside the client, from the checkout.  Raises subprocess.TimeoutExpired."""
        inherited = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        own = {"HOME": str(self.folder), "ATAJO_DATA": str(self.folder / "data"), "SSL_CERT_FILE": str(self.authority.bundle)}
        if self._current is not None and self._current.clock_ahead:
            own |= {"LD_PRELOAD": str(self._clock_shim), "LAB_CLOCK_OFFSET": str(self._current.clock_ahead)}
        started = time.monotonic()
        done = subprocess.run(
            self.client.wrap(*words),
            cwd=CHECKOUT,
            env={**inherited, **own, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - started)

    def atajo(self, *arguments: str, timeout: float = 60.0) -> Finished:
        """Run the unmodified command line inside the client."""
        return self.run(sys.executable, "-m", "app", *arguments, timeout=timeout)

    @contextmanager
    def rented(self, role: str, address: str, *more: str, line: Line = IDEAL) -> Iterator[Namespace]:
        """Give a computer of its own on the Internet, at ``address`` and ``more`` of one /24 whose first address is its gateway.

        It asks a public resolver.  Whatever was started on it must have ended before it is given back.
        """
        space, device = Namespace(self.folder.name.removeprefix(_FOLDER), role), f"{role[:12]}0"
        try:
            gateway = f"{address.rpartition('.')[0]}.1"
            self._join(space, "up0", self.internet, device, line)
            set_up(self.internet, device, f"{gateway}/24")
            set_up(space, "up0", f"{address}/24", gateway=gateway)
            for other in more:
                space.ip("addr", "add", f"{other}/24", "dev", "up0")
            space.write_etc(
                resolv_conf=f"nameserver {min(self.world.plain_resolvers)}\n",
                hosts="127.0.0.1 localhost\n",
                nsswitch_conf="passwd: files\ngroup: files\nhosts: files dns\n",
            )
            yield space
        finally:
            self._stop(f"carrier-{space.name}")
            with suppress(RuntimeError):  # it never came to be; else the kernel takes the cable of a removed computer away when it likes
                self.internet.ip("link", "del", device)
            space.remove()

    def start(self, space: Namespace, label: str, *words: str) -> Daemon:
        """Start a server on one of the computers; whoever starts it ends it."""
        return Daemon(space, self.folder / f"{label}.log", *words)

    def filter(self, space: Namespace, *rules: str, table: str = "filter") -> None:
        """Add iptables rules to a computer of the Internet."""
        text = "\n".join([f"*{table}", *rules, "COMMIT", ""])
        command(*space.wrap(self._iptables_restore, "--noflush"), text=text)

    def at_provider(self, tool: str, rules: str) -> None:
        """Give rules to the provider's router: to ``nft``, beside what a setting has there."""
        command(*self._provider.wrap(tool, "-f", "-"), text=rules)

    def _build(self) -> None:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix=_FOLDER)))
        self.client, self._provider, self.internet = (self._namespace(role) for role in ("client", "provider", "internet"))
        self._wire()
        self._stack.callback(self._stop_all)
        self.authority = Authority(self.folder)
        self._clock_shim = self.folder / "wallclock.so"
        servers.write_zone(self.folder, self.world)
        dnsdist = servers.write_dnsdist(self.folder, self.world)
        notice = servers.write_notice(self.folder, RESOLVER)
        self._start(self._provider, *self._nginx, str(notice)).wait_for(("tcp", servers.NOTICE_PORT))
        self._iptables_restore = self._find_iptables()
        self._serve_networks()
        self.censor(Scenario.OPEN)
        self._start(self.internet, "dnsdist", "-C", str(dnsdist), "--supervised").wait_for(("tcp", servers.DOH_BACKEND))

    @property
    def _nginx(self) -> list[str]:
        return ["nginx", "-e", "stderr", "-p", str(self.folder), "-c"]

    def _namespace(self, role: str) -> Namespace:
        space = Namespace(self.folder.name.removeprefix(_FOLDER), role)
        self._stack.callback(space.remove)
        return space

    def _wire(self) -> None:
        near, far = self._lines
        self._join(self.client, "up0", self._provider, CLIENT_DEVICE, near)
        self._join(self._provider, "up0", self.internet, "down0", far)
        set_up(self._provider, CLIENT_DEVICE, f"{RESOLVER}/24")
        set_up(self.client, "up0", f"{CLIENT}/24", gateway=RESOLVER)
        set_up(self._provider, "up0", "100.64.0.1/30", gateway="100.64.0.2")
        set_up(self.internet, "down0", "100.64.0.2/30")
        self.internet.ip("route", "add", "192.168.77.0/24", "via", "100.64.0.1")
        self.internet.ip("route", "add", "unreachable", "default")
        self.internet.ip(text="".join(f"addr add {address}/32 dev lo\n" for address in self.world.addresses))
        for network in self.world.networks:
            self.internet.ip("route", "add", "local", network, "dev", "lo")
        for space in (self._provider, self.internet):
            space.sysctl("net.ipv4.ip_forward", "1")
            space.sysctl("net.ipv4.icmp_ratelimit", "0")  # or every second ICMP error is missing

    def _join(self, a: Namespace, device_a: str, b: Namespace, device_b: str, line: Line) -> None:
        carrying = join(a, device_a, b, device_b, line)
        if carrying:
            self._restart(f"carrier-{a.name}", a, *carrying)
            self._running[f"carrier-{a.name}"].wait_for_line("ready")

    def _start(self, space: Namespace, *words: str) -> Daemon:
        daemon = Daemon(space, self.folder / f"{Path(words[0]).name}-{space.name}.log", *words)
        self._stack.callback(daemon.stop)
        return daemon

    def _restart(self, label: str, space: Namespace, *words: str) -> None:
        """Start a daemon that a setting may replace, in place of the present one."""
        self._stop(label)
        log = self.folder / f"{label}.log"
        log.unlink(missing_ok=True)
        self._running[label] = Daemon(space, log, *words)

    def _stop(self, *labels: str) -> None:
        for label in labels:
            if label in self._running:
                self._running.pop(label).stop()

    def _stop_all(self) -> None:
        self._stop(*list(self._running))

    def _find_iptables(self) -> str:
        """Return the first iptables whose string match and rejections this kernel can do."""
        service = next(iter(self.world.services))
        complaint = ""
        for tool in ("iptables-restore", "iptables-legacy-restore", "iptables-nft-restore"):
            try:
                for scenario in (Scenario.SNI_RESET, Scenario.BLOCK_PAGE):
                    command(*self._provider.wrap(tool), text=censorship(scenario, self.world, service).tables)
            except RuntimeError as error:
                complaint = str(error)
            else:
                return tool
        raise RuntimeError(f"this kernel cannot censor: {complaint}")

    def _serve_networks(self) -> None:
        """Let the groups' server answer at every address of the world's networks."""
        if self.world.networks:
            to_port = f"-p tcp --dport 443 -j REDIRECT --to-ports {servers.GROUPS_PORT}"
            rules = Setting(nat=tuple(f"-A PREROUTING -d {network} {to_port}" for network in self.world.networks))
            command(*self.internet.wrap(self._iptables_restore), text=rules.tables)

    def _restart_resolver(self, wanted: Setting) -> None:
        self._stop("resolver")
        config = servers.write_provider(self.folder, RESOLVER, wanted.dns)
        self._restart("resolver", self._provider, "unbound", "-c", str(config))
        self._running["resolver"].wait_for(("udp", 53), ("tcp", 53))

    def _restart_public(self, wanted: Setting) -> None:
        self._stop("public")
        config = servers.write_public(self.folder, self.world, self.authority, wanted.public_dns)
        self._restart("public", self.internet, "unbound", "-c", str(config))
        self._running["public"].wait_for(("udp", 53), ("tcp", 853))

    def _restart_pages(self, wanted: Setting) -> None:
        self._stop("pages")
        config = servers.write_nginx(self.folder, self.world, self.authority, wanted.conduct)
        self._restart("pages", self.internet, *self._nginx, str(config))
        self._running["pages"].wait_for(("tcp", 443), ("tcp", 80))

    def _start_interceptor(self, issuer: str) -> Authority:
        stranger = Authority(self.folder, issuer)
        config = servers.write_interceptor(self.folder, self.world, stranger, RESOLVER)
        self._restart("interceptor", self._provider, *self._nginx, str(config))
        self._running["interceptor"].wait_for(("tcp", servers.INTERCEPTOR_PORT))
        return stranger

    def _write_etc(self, wanted: Setting, stranger: Authority | None) -> None:
        """Lay the client's files over /etc; they hold for programs that start from now on."""
        self.client.write_etc(
            resolv_conf="".join(f"nameserver {address}\n" for address in wanted.nameservers),
            hosts="\n".join(["127.0.0.1 localhost", "::1 localhost", *wanted.hosts, ""]),
            nsswitch_conf="passwd: files\ngroup: files\nhosts: files dns\n",
        )
        self.client.write_store(stranger.bundle.read_text() if stranger and wanted.root_installed else None)

    def _carry_near(self, line: Line) -> None:
        """Let the client's line be another one; it has to have been built with a carrier."""
        self._near = line
        label = f"carrier-{self.client.name}"
        words = carrier(self.client, "up0", self._provider, CLIENT_DEVICE, line)
        self._restart(label, self.client, *words)
        self._running[label].wait_for_line("ready")

    def _switch_off(self, dark: set[str]) -> None:
        """Let nobody be at some addresses: what is sent there disappears in the server's own network."""
        for address in sorted(dark - self._dark):
            self.internet.ip("addr", "del", f"{address}/32", "dev", "lo")
            self.internet.ip("route", "add", "blackhole", f"{address}/32")
        for address in sorted(self._dark - dark):
            self.internet.ip("route", "del", "blackhole", f"{address}/32")
            self.internet.ip("addr", "add", f"{address}/32", "dev", "lo")
        self._dark = dark

    def _announce_ipv6(self, *, present: bool) -> None:
        """Give the client an IPv6 address and a route that ends at the provider, or take them away."""
        self._ipv6 = present
        verb = "add" if present else "del"
        self._provider.ip("-6", "addr", verb, f"{ROUTER6}/64", "dev", CLIENT_DEVICE, *(["nodad"] if present else []))
        self.client.ip("-6", "addr", verb, f"{CLIENT6}/64", "dev", "up0", *(["nodad"] if present else []))
        self._provider.ip("-6", "route", verb, "blackhole", "default")
        if present:
            self.client.ip("-6", "route", "add", "default", "via", ROUTER6, "dev", "up0")
            self._provider.sysctl("net.ipv6.conf.all.forwarding", "1")
        else:
            self.client.ip("-6", "route", "flush", "default")

    def _set_client_link(self, *, up: bool) -> None:
        self._link_up = up
        if up:
            set_up(self.client, "up0", f"{CLIENT}/24", gateway=RESOLVER)
        else:
            self.client.ip("link", "set", "up0", "down")


__all__ = ["CHECKOUT", "TOOLS", "Finished", "Lab", "Line", "Scenario"]
