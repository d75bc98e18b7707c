"""Bridges that tor and obfs4proxy run themselves, in a namespace of their own, with filters between."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real_servers.netns import IDEAL, Namespace, command, join, missing_tools, set_up
from tests.real_servers.processes import Daemon

pytestmark = pytest.mark.root

TOOLS = {"tor": "tor", "obfs4proxy": "obfs4proxy", "nft": "nftables", "ip": "iproute2", "setpriv": "util-linux"}
BRIDGE, CLIENT = "10.98.8.1", "10.98.8.2"
PLAIN, DISGUISED, CLOSED = 9001, 9443, 9999
HOUR = 3600.0
WITHOUT_RIGHTS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")

TORRC = """
DataDirectory {folder}/tor
SocksPort 0
BridgeRelay 1
PublishServerDescriptor 0
AssumeReachable 1
Nickname test
ORPort {address}:{plain} IPv4Only
Address {address}
ServerTransportPlugin obfs4 exec /usr/bin/obfs4proxy
ServerTransportListenAddr obfs4 {address}:{disguised}
ExtORPort auto
Log notice stdout
"""


@dataclass(frozen=True)
class Bridge:
    """A bridge that runs, and the way to it."""

    near: Namespace
    far: Namespace
    fingerprint: str
    cert: str

    @property
    def plain(self) -> str:
        """Return its line without disguise."""
        return f"Bridge {BRIDGE}:{PLAIN} {self.fingerprint}"

    @property
    def disguised(self) -> str:
        """Return its line with obfs4."""
        return f"Bridge obfs4 {BRIDGE}:{DISGUISED} {self.fingerprint} cert={self.cert} iat-mode=0"

    def examined(self, line: str, *, clock: float = 0.0) -> tuple[list[str | None], list[list[str | None]]]:
        """Test a bridge line from the other side, as a user without any right; return what is said, and the stages."""
        words = self.near.wrap(*WITHOUT_RIGHTS, sys.executable, "-m", "tests.real_servers.bridger", str(clock))
        done = subprocess.run(words, input=line, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        found = json.loads(done.stdout)
        return found["said"], found["stages"]

    @contextmanager
    def filtered(self, rule: str) -> Iterator[None]:
        """Let a filter between the two do what ``rule`` says."""
        table = f"table inet censor {{ chain input {{ type filter hook input priority 0; {rule}; }}\n}}\n"
        command(*self.far.wrap("nft", "-f", "-"), text=table)
        try:
            yield
        finally:
            command(*self.far.wrap("nft", "delete", "table", "inet", "censor"))


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Run tor as a bridge with obfs4, in a namespace that leads nowhere else."""
    assert missing_tools(TOOLS) == []
    folder = tmp_path_factory.mktemp("bridge")
    with ExitStack() as stack:
        far, near = Namespace("tor", "far"), Namespace("tor", "near")
        stack.callback(far.remove)
        stack.callback(near.remove)
        join(far, "tor-far", near, "tor-near", IDEAL)
        set_up(far, "tor-far", f"{BRIDGE}/24")
        set_up(near, "tor-near", f"{CLIENT}/24")
        torrc = folder / "torrc"
        torrc.write_text(TORRC.format(folder=folder, address=BRIDGE, plain=PLAIN, disguised=DISGUISED))
        daemon = Daemon(far, folder / "log", "tor", "-f", str(torrc), "--defaults-torrc", "/dev/null")
        stack.callback(daemon.stop)
        daemon.wait_for(("tcp", PLAIN), ("tcp", DISGUISED))
        daemon.wait_for_line("Registered server transport")
        yield Bridge(near, far, *_secrets(folder / "tor"))


def _secrets(folder: Path) -> tuple[str, str]:
    """Return the bridge's fingerprint and its obfs4 cert, as tor and obfs4proxy wrote them down for its owner."""
    fingerprint = (folder / "fingerprint").read_text().split()[1]
    line = (folder / "pt_state" / "obfs4_bridgeline.txt").read_text()
    found = re.search(r"cert=(\S+)", line)
    assert found is not None
    return fingerprint, found[1]


def test_a_plain_bridge_proves_who_it_is(bridge: Bridge) -> None:
    said, stages = bridge.examined(bridge.plain)
    assert said == ["works", None, "certain", "vpn.tor_verified"]
    assert stages == [["port", None], ["handshake", None], ["keys", None], ["clock", None]]


def test_an_obfs4_bridge_proves_who_it_is(bridge: Bridge) -> None:
    said, stages = bridge.examined(bridge.disguised)
    assert said == ["works", None, "certain", "vpn.tor_verified"]
    assert [stage for stage, _ in stages] == ["port", "transport", "handshake", "keys", "clock"]


@pytest.mark.parametrize("kind", ["plain", "disguised"])
def test_another_fingerprint_than_the_lines_is_another_bridge(bridge: Bridge, kind: str) -> None:
    line = getattr(bridge, kind).replace(bridge.fingerprint, "0" * 40)
    assert bridge.examined(line)[0] == ["down", "vpn_untrusted_server", "certain", "vpn.tor_other_bridge"]


def test_a_wrong_cert_is_met_with_silence_and_accuses_nobody(bridge: Bridge) -> None:
    wrong = bridge.cert[:-4] + ("AAAA" if not bridge.cert.endswith("AAAA") else "BBBB")
    assert bridge.examined(bridge.disguised.replace(bridge.cert, wrong))[0] == ["unknown", None, "none", "vpn.obfs4_silent"]


@pytest.mark.parametrize("kind", ["plain", "disguised"])
def test_a_closed_port_is_said_to_be_one(bridge: Bridge, kind: str) -> None:
    line = re.sub(r":\d+ ", f":{CLOSED} ", getattr(bridge, kind), count=1)
    assert bridge.examined(line)[0] == ["down", "vpn_server_unreachable", "likely", "vpn.port_closed"]


@pytest.mark.parametrize("kind", ["plain", "disguised"])
@pytest.mark.parametrize("off", [2 * HOUR, -2 * HOUR])
def test_a_clock_that_is_wrong_by_hours_is_named(bridge: Bridge, kind: str, off: float) -> None:
    assert bridge.examined(getattr(bridge, kind), clock=off)[0] == ["down", "wrong_clock", "likely", "vpn.tor_clock"]


def test_what_follows_the_connection_may_be_swallowed(bridge: Bridge) -> None:
    with bridge.filtered(f"tcp dport {PLAIN} tcp flags & (psh|ack) == psh|ack drop"):
        said, stages = bridge.examined(bridge.plain)
    assert said == ["unknown", None, "none", "vpn.silent"]
    assert stages[0] == ["port", None]


def test_the_port_may_be_swallowed(bridge: Bridge) -> None:
    with bridge.filtered(f"tcp dport {PLAIN} drop"):
        said, stages = bridge.examined(bridge.plain)
    assert said == ["unknown", None, "none", "vpn.silent"]
    assert stages == [["port", "generic_timeout_error"]]


def test_a_greeting_that_is_reset_is_told_from_silence(bridge: Bridge) -> None:
    with bridge.filtered(f"tcp dport {PLAIN} tcp flags & (psh|ack) == psh|ack reject with tcp reset"):
        said, stages = bridge.examined(bridge.plain)
    assert said == ["unknown", None, "none", "vpn.tor_cut"]
    assert stages[-1] == ["hold", None]


def test_a_prohibition_in_words_is_a_filter(bridge: Bridge) -> None:
    with bridge.filtered(f"ip saddr {CLIENT} tcp dport {PLAIN} reject with icmp type admin-prohibited"):
        said, _ = bridge.examined(bridge.plain)
    assert said == ["unknown", None, "none", "vpn.way_ends"]  # over TCP a bridge that is off looks the same


def test_an_obfs4_bridge_whose_greeting_is_reset_accuses_nobody(bridge: Bridge) -> None:
    with bridge.filtered(f"tcp dport {DISGUISED} tcp flags & (psh|ack) == psh|ack reject with tcp reset"):
        assert bridge.examined(bridge.disguised)[0] == ["unknown", None, "none", "vpn.obfs4_silent"]


def test_nothing_stays_behind(bridge: Bridge) -> None:
    bridge.examined(bridge.disguised)
    for pid in command("ip", "netns", "pids", bridge.near.name).split():
        raise AssertionError(Path(f"/proc/{pid}/cmdline").read_text())
