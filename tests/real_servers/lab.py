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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from diagnostics.catalog import Catalog
from tests.real_servers import servers
from tests.real_servers.authority import Authority
from tests.real_servers.censor import CLIENT_DEVICE, Censorship, Scenario, censorship
from tests.real_servers.netns import IDEAL, Line, Namespace, command, join, missing_tools, set_up, sweep
from tests.real_servers.processes import Daemon
from tests.real_servers.world import World

CHECKOUT = Path(__file__).resolve().parents[2]
RESOLVER = "192.168.77.1"
CLIENT = "192.168.77.2"
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
        self._resolver: Daemon | None = None
        self._current: Censorship | None = None

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
        self.impose(censorship(scenario, self.world, service))

    def impose(self, wanted: Censorship) -> None:
        """Let the censor do this and nothing else."""
        command(*self._provider.wrap(self._iptables_restore), text=wanted.tables)
        if self._current is None or wanted.dns != self._current.dns:
            self._restart_resolver(wanted)
        if self._current is not None and wanted.link_up != self._current.link_up:
            self._set_client_link(up=wanted.link_up)
        self._current = wanted

    def run(self, *words: str, timeout: float = 60.0, **environment: str) -> Finished:
        """Run a program inside the client, from the checkout.  Raises subprocess.TimeoutExpired."""
        inherited = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        own = {"HOME": str(self.folder), "ATAJO_DATA": str(self.folder / "data"), "SSL_CERT_FILE": str(self._authority.bundle)}
        started = time.monotonic()
        done = subprocess.run(
            self._client.wrap(*words),
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

    def _build(self) -> None:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix=_FOLDER)))
        self._client, self._provider, self._internet = (self._namespace(role) for role in ("client", "provider", "internet"))
        self._wire()
        self._authority = Authority(self.folder)
        servers.write_zone(self.folder, self.world)
        self._start_internet()
        notice = servers.write_notice(self.folder, RESOLVER)
        self._start(self._provider, *self._nginx, str(notice)).wait_for(("tcp", servers.NOTICE_PORT))
        self._iptables_restore = self._find_iptables()
        self._serve_networks()
        self._stack.callback(self._stop_resolver)
        self.censor(Scenario.OPEN)

    @property
    def _nginx(self) -> list[str]:
        return ["nginx", "-e", "stderr", "-p", str(self.folder), "-c"]

    def _namespace(self, role: str) -> Namespace:
        space = Namespace(self.folder.name.removeprefix(_FOLDER), role)
        self._stack.callback(space.remove)
        return space

    def _wire(self) -> None:
        near, far = self._lines
        self._join(self._client, "up0", self._provider, CLIENT_DEVICE, near)
        self._join(self._provider, "up0", self._internet, "down0", far)
        set_up(self._provider, CLIENT_DEVICE, f"{RESOLVER}/24")
        set_up(self._client, "up0", f"{CLIENT}/24", gateway=RESOLVER)
        set_up(self._provider, "up0", "100.64.0.1/30", gateway="100.64.0.2")
        set_up(self._internet, "down0", "100.64.0.2/30")
        self._internet.ip("route", "add", "192.168.77.0/24", "via", "100.64.0.1")
        self._internet.ip("route", "add", "unreachable", "default")
        self._internet.ip(text="".join(f"addr add {address}/32 dev lo\n" for address in self.world.addresses))
        for network in self.world.networks:
            self._internet.ip("route", "add", "local", network, "dev", "lo")
        for space in (self._provider, self._internet):
            space.sysctl("net.ipv4.ip_forward", "1")
            space.sysctl("net.ipv4.icmp_ratelimit", "0")  # or every second ICMP error is missing
        self._client.write_etc(
            resolv_conf=f"nameserver {RESOLVER}\n",
            hosts="127.0.0.1 localhost\n::1 localhost\n",
            nsswitch_conf="passwd: files\ngroup: files\nhosts: files dns\n",
        )

    def _join(self, a: Namespace, device_a: str, b: Namespace, device_b: str, line: Line) -> None:
        carrier = join(a, device_a, b, device_b, line)
        if carrier:
            self._start(a, *carrier).wait_for_line("ready")

    def _start(self, space: Namespace, *words: str) -> Daemon:
        daemon = Daemon(space, self.folder / f"{Path(words[0]).name}-{space.name}.log", *words)
        self._stack.callback(daemon.stop)
        return daemon

    def _start_internet(self) -> None:
        public = servers.write_public(self.folder, self.world, self._authority)
        dnsdist = servers.write_dnsdist(self.folder, self.world)
        pages = servers.write_nginx(self.folder, self.world, self._authority)
        daemons = [
            (self._start(self._internet, "unbound", "-c", str(public)), [("udp", 53), ("tcp", 853)]),
            (self._start(self._internet, "dnsdist", "-C", str(dnsdist), "--supervised"), [("tcp", servers.DOH_BACKEND)]),
            (self._start(self._internet, *self._nginx, str(pages)), [("tcp", 443), ("tcp", 80)]),
        ]
        for daemon, ports in daemons:
            daemon.wait_for(*ports)

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
            rules = Censorship(nat=tuple(f"-A PREROUTING -d {network} {to_port}" for network in self.world.networks))
            command(*self._internet.wrap(self._iptables_restore), text=rules.tables)

    def _restart_resolver(self, wanted: Censorship) -> None:
        self._stop_resolver()
        config = servers.write_provider(self.folder, RESOLVER, wanted.dns)
        log = self.folder / "unbound-provider.log"
        self._resolver = Daemon(self._provider, log, "unbound", "-c", str(config))
        self._resolver.wait_for(("udp", 53), ("tcp", 53))

    def _stop_resolver(self) -> None:
        if self._resolver is not None:
            self._resolver.stop()
            self._resolver = None

    def _set_client_link(self, *, up: bool) -> None:
        if up:
            set_up(self._client, "up0", f"{CLIENT}/24", gateway=RESOLVER)
        else:
            self._client.ip("link", "set", "up0", "down")


__all__ = ["CHECKOUT", "TOOLS", "Finished", "Lab", "Line", "Scenario"]
