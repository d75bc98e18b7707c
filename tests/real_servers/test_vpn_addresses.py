"""Servers of which there is only an address: strongSwan, xl2tpd, ocserv and OpenSSH, in a namespace, with filters in front of them.

SSTP's counterpart is our own (``fake_sstp.py``): no real one could be had.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers.authority import Authority
from tests.real_servers.netns import IDEAL, Namespace, command, join, missing_tools, set_up
from tests.real_servers.processes import Daemon

pytestmark = pytest.mark.root

CHARON = "/usr/lib/ipsec/charon"
TOOLS = {
    CHARON: "strongswan-charon",
    "swanctl": "strongswan-swanctl",
    "xl2tpd": "xl2tpd",
    "ocserv": "ocserv",
    "sshd": "openssh-server",
    "nft": "nftables",
    "ip": "iproute2",
    "setpriv": "util-linux",
    "ssh-keygen": "openssh-client",
}
SERVER, CLIENT = "10.98.9.1", "10.98.9.2"
OCSERV, SSTP, OLD_SSTP, SSH = 443, 8443, 9443, 22
WITHOUT_RIGHTS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")

STRONGSWAN = """
charon {{
  load = random nonce aes sha1 sha2 hmac gcm kdf gmp pem kernel-netlink socket-default vici
  cookie_threshold = 1
  block_threshold = 1000
  filelog {{ out {{ path = stdout
 default = 1
 }} }}
  plugins {{ vici {{ socket = unix://{folder}/vici }} }}
}}
swanctl {{
  load = random pem
}}
"""
CONNECTIONS = """
connections {
  both {
    proposals = aes256-sha256-modp2048,aes256-sha1-modp2048,aes128-sha1-modp2048
    local {
      auth = psk
    }
    remote {
      auth = psk
    }
    children {
      all {
      }
    }
  }
}
secrets {
  ike-any {
    secret = test
  }
}
"""
XL2TPD = "[global]\nport = 1701\nlisten-addr = {address}\n[lns default]\nip range = 10.9.0.2-10.9.0.9\nlocal ip = 10.9.0.1\n"
OCSERV_CONF = """
auth = "plain[passwd={folder}/users]"
listen-host = {address}
tcp-port = {port}
run-as-user = nobody
run-as-group = nogroup
socket-file = /run/ocserv.socket
server-cert = {certificate}
server-key = {key}
isolate-workers = false
device = vpns
ipv4-network = 10.77.9.0
ipv4-netmask = 255.255.255.0
"""
SSHD_CONF = "ListenAddress {address}:{port}\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"

PROHIBITED = "reject with icmp type admin-prohibited"
PAYLOAD = "tcp flags & (psh|ack) == psh|ack reject with tcp reset"


@dataclass(frozen=True)
class Servers:
    """The servers that run, and the way to them."""

    near: Namespace
    far: Namespace
    roots: Path

    def examined(self, address: str, roots: str | None = None) -> tuple[list[str | None], list[dict[str, Any]]]:
        """Test an address from the other side, as a user without any right; return what is said, and the stages."""
        words = self.near.wrap(*WITHOUT_RIGHTS, sys.executable, "-m", "tests.real_servers.examiner", roots or str(self.roots))
        done = subprocess.run(words, input=address, capture_output=True, text=True, timeout=90, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert SERVER not in done.stdout
        found = json.loads(done.stdout)
        return found["said"], found["stages"]

    @contextmanager
    def filtered(self, rule: str) -> Iterator[None]:
        """Let a filter in front of the servers do what ``rule`` says."""
        table = f"table inet censor {{ chain input {{ type filter hook input priority 0; {rule}; }}\n}}\n"
        command(*self.far.wrap("nft", "-f", "-"), text=table)
        try:
            yield
        finally:
            command(*self.far.wrap("nft", "delete", "table", "inet", "censor"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Run all of them."""
    assert missing_tools(TOOLS) == []
    folder = tmp_path_factory.mktemp("servers")
    authority = Authority(folder)
    with ExitStack() as stack:
        far, near = Namespace("adr", "far"), Namespace("adr", "near")
        stack.callback(far.remove)
        stack.callback(near.remove)
        join(far, "adr-far", near, "adr-near", IDEAL)
        set_up(far, "adr-far", f"{SERVER}/24")
        set_up(near, "adr-near", f"{CLIENT}/24")
        for start in (_strongswan, _xl2tpd, _ocserv, _sshd, _sstp):
            for daemon in start(far, folder, authority):
                stack.callback(daemon.stop)
        yield Servers(near, far, authority.bundle)


def _own_run(*words: str) -> tuple[str, ...]:
    """Return a command that has a /run of its own: these servers leave their numbers there."""
    return "sh", "-c", 'mount -t tmpfs none /run && mkdir -p /run/sshd && exec "$@"', "sh", *words


def _strongswan(far: Namespace, folder: Path, _authority: Authority) -> Iterator[Daemon]:
    config, connections = folder / "strongswan.conf", folder / "swanctl.conf"
    config.write_text(STRONGSWAN.format(folder=folder))
    connections.write_text(CONNECTIONS)
    daemon = Daemon(far, folder / "charon.log", *_own_run("env", f"STRONGSWAN_CONF={config}", CHARON, "--use-syslog", "no"))
    yield daemon
    daemon.wait_for(("udp", 500), ("udp", 4500))
    loading = ("env", f"STRONGSWAN_CONF={config}", "swanctl", "--load-all", "--file", str(connections), "--uri", f"unix://{folder}/vici")
    command(*far.wrap(*loading))


def _xl2tpd(far: Namespace, folder: Path, _authority: Authority) -> Iterator[Daemon]:
    config = folder / "xl2tpd.conf"
    config.write_text(XL2TPD.format(address=SERVER))
    words = ("xl2tpd", "-D", "-c", str(config), "-p", str(folder / "xl2tpd.pid"), "-C", str(folder / "xl2tpd.control"))
    daemon = Daemon(far, folder / "xl2tpd.log", *words)
    yield daemon
    daemon.wait_for(("udp", 1701))


def _ocserv(far: Namespace, folder: Path, authority: Authority) -> Iterator[Daemon]:
    certificate, key = authority.issue("web", [SERVER])
    (folder / "users").write_text("")
    config = folder / "ocserv.conf"
    config.write_text(OCSERV_CONF.format(folder=folder, address=SERVER, port=OCSERV, certificate=certificate, key=key))
    daemon = Daemon(far, folder / "ocserv.log", *_own_run("ocserv", "-f", "-c", str(config), "-p", str(folder / "ocserv.pid")))
    yield daemon
    daemon.wait_for(("tcp", OCSERV))


def _sshd(far: Namespace, folder: Path, _authority: Authority) -> Iterator[Daemon]:
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key"))
    config = folder / "sshd.conf"
    config.write_text(SSHD_CONF.format(folder=folder, address=SERVER, port=SSH))
    daemon = Daemon(far, folder / "sshd.log", *_own_run("/usr/sbin/sshd", "-D", "-e", "-f", str(config)))
    yield daemon
    daemon.wait_for(("tcp", SSH))


def _sstp(far: Namespace, folder: Path, authority: Authority) -> Iterator[Daemon]:
    for label, port, days in (("sstp", SSTP, 30), ("old", OLD_SSTP, -1)):
        certificate, key = authority.issue(label, [SERVER], days)
        words = (sys.executable, "-m", "tests.real_servers.fake_sstp", SERVER, str(port), str(certificate), str(key))
        sstp = Daemon(far, folder / f"{label}.log", *words)
        yield sstp
        sstp.wait_for(("tcp", port))


ADDRESSES = {
    "ikev2": f"ikev2://{SERVER}",
    "l2tp": f"l2tp://{SERVER}",
    "anyconnect": f"anyconnect://{SERVER}",
    "sstp": f"sstp://{SERVER}:{SSTP}",
    "ssh": f"ssh://somebody@{SERVER}",
}
ANSWERS = ["works", None, "likely", "vpn.address_answers"]


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_server_that_answers_as_its_kind_does_works_and_nobody_logged_in(servers: Servers, kind: str) -> None:
    said, stages = servers.examined(ADDRESSES[kind])
    assert said == ANSWERS, stages
    if kind in ("ikev2", "l2tp"):
        assert [(each["port"], each["answer"]) for each in stages] == [(500, "accepted"), (4500, "accepted")]
    else:
        assert [each["stage"] for each in stages] == ["port", "handshake", *(["tls"] if kind != "ssh" else [])]


def test_l2tp_without_encryption_is_said_to_be_so(servers: Servers) -> None:
    with servers.filtered("udp dport { 500, 4500 } reject"):
        said, stages = servers.examined(ADDRESSES["l2tp"])
    assert said == ["works", None, "likely", "vpn.l2tp_bare"], stages


@pytest.mark.parametrize("port", [500, 4500])
def test_one_of_two_ports_that_is_swallowed_is_a_part_that_is_missing(servers: Servers, port: int) -> None:
    with servers.filtered(f"udp dport {port} drop"):
        said, stages = servers.examined(ADDRESSES["ikev2"])
    assert said == ["partial", "vpn_handshake_blocked", "likely", "vpn.ike_one_port"], stages


def test_a_second_port_that_is_closed_accuses_nobody(servers: Servers) -> None:
    with servers.filtered("udp dport 4500 reject"):
        assert servers.examined(ADDRESSES["ikev2"])[0] == ANSWERS


@pytest.mark.parametrize("kind", ["ikev2", "ssh"])
def test_silence_alone_accuses_nobody(servers: Servers, kind: str) -> None:
    with servers.filtered("meta l4proto { tcp, udp } drop"):
        said, stages = servers.examined(ADDRESSES[kind])
    assert said == ["unknown", None, "none", "vpn.silent_address"], stages


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_router_that_forbids_it_says_so(servers: Servers, kind: str) -> None:
    with servers.filtered(f"meta l4proto {{ tcp, udp }} {PROHIBITED}"):
        said, stages = servers.examined(ADDRESSES[kind])
    over_udp = kind in ("ikev2", "l2tp")  # over TCP a server that is off looks the same
    forbidden: list[str | None] = ["likely_blocked", "vpn_handshake_blocked", "likely", "vpn.prohibited"]
    assert said == (forbidden if over_udp else ["unknown", None, "none", "vpn.way_ends"]), stages


@pytest.mark.parametrize("kind", ["anyconnect", "sstp", "ssh"])
def test_a_reset_at_the_greeting_is_cut_and_accuses_nobody_alone(servers: Servers, kind: str) -> None:
    with servers.filtered(PAYLOAD):
        said, stages = servers.examined(ADDRESSES[kind])
    assert said == ["unknown", None, "none", "vpn.address_cut"], stages


@pytest.mark.parametrize("address", [f"ssh://{SERVER}:2222", f"sstp://{SERVER}:2222", f"ikev2://{SERVER}:2222"])
def test_a_closed_port_is_a_server_that_is_gone(servers: Servers, address: str) -> None:
    assert servers.examined(address)[0] == ["down", "vpn_server_unreachable", "likely", "vpn.port_closed"]


@pytest.mark.parametrize(
    "address, rule",
    [
        (f"anyconnect://{SERVER}:{SSTP}", "vpn.address_other_service"),
        (f"sstp://{SERVER}:{OCSERV}", "vpn.address_no_tls"),  # it waits for the rest of a request that has no end
        (f"sstp://{SERVER}:{SSH}", "vpn.address_no_tls"),
    ],
)
def test_another_service_is_no_block(servers: Servers, address: str, rule: str) -> None:
    said, stages = servers.examined(address)
    assert said[0] in ("down", "unknown"), stages
    assert said[3] == rule, stages


@pytest.mark.parametrize("kind", ["anyconnect", "sstp"])
def test_a_certificate_that_nobody_believes_is_named(servers: Servers, kind: str, tmp_path: Path) -> None:
    other = Authority(tmp_path, "Other Root")
    said, stages = servers.examined(ADDRESSES[kind], roots=str(other.bundle))
    assert said == ["partial", "vpn_untrusted_server", "likely", "vpn.address_untrusted"]
    assert [each["roots"] for each in stages if each["stage"] == "tls"] == ["public", "system"]
    assert {each["reason"] for each in stages if each["stage"] == "tls"} == {"certificate"}


def test_days_that_are_over_are_told_apart_from_a_stranger(servers: Servers) -> None:
    """Nobody vouches for the clock in this laboratory: it may as well be the one that is wrong."""
    said, stages = servers.examined(f"sstp://{SERVER}:{OLD_SSTP}")
    assert said == ["unknown", None, "none", "vpn.dates_unchecked"], stages
    assert [each["reason"] for each in stages if each["stage"] == "tls"] == ["expired"]
