"""What the world of ``tunnel_lab.py`` consists of: addresses, networks, hosts, and the configuration of its servers.

Every control of the catalog is a host of it, and so are the pages and names that ``resources/protection.toml`` asks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from diagnostics.catalog import load_catalog

HOME, HOME6 = "186.88.1.2", "2800:a1::2"
PROVIDERS_RESOLVER = "200.44.32.12"
VPN, VPN6 = "185.65.1.1", "2a02:b1::1"
VPNS_RESOLVER = "10.64.0.1"
PUBLIC_RESOLVERS, PUBLIC_ASKS_FROM = ("8.8.8.8", "1.1.1.1"), "74.125.1.1"
THIRD_RESOLVER = "51.158.1.1"
NAME_SERVER = "205.251.1.1"
STUN = {"stun.telnyx.com": "45.79.1.1", "stun.voipgate.com": "45.80.1.1"}
NETWORKS = {
    "186.88.0.0/16": (8048, "VE", "CANTV Servicios"),
    "200.44.0.0/16": (8048, "VE", "CANTV Servicios"),
    "2800:a1::/32": (8048, "VE", "CANTV Servicios"),
    "185.65.0.0/16": (9009, "RO", "M247"),
    "2a02:b1::/32": (64777, "RO", "M247 Europe SRL"),
    "74.125.0.0/16": (15169, "US", "GOOGLE"),
    "51.158.0.0/16": (12876, "FR", "Online SAS"),
    "37.120.0.0/16": (64999, "DE", "Another carrier"),
}
"""Prefix: number, country and operator of the network that announces it."""

PAGES, PAGES6 = "104.16.1.1", "2606:9::1"
"""Where every page is, but the one that tells its visitor's address alone."""

ALONE, ALONE6 = "64.185.1.1", "2607:9::1"
ANOTHER_EXIT, EXIT_AT_HOME = "37.120.1.1", "186.88.9.9"
"""Addresses by which the VPN's server may be seen instead: of another carrier, and of the provider of the line."""

RESOLVERS6 = ("2606:4700:4700::1111", "2001:4860:4860::8888")
"""What is connected to over IPv6 to see if it leads anywhere."""

TRACE, PLAIN, PLAIN6 = "www.cloudflare.com", "api.ipify.org", "api6.ipify.org"
DOWNLOAD = "speed.cloudflare.com"
SIGN_IN_PORT, STRANGER_PORT = 8080, 8443


def hosts() -> dict[str, list[str]]:
    """Return every name with its addresses."""
    controls = load_catalog().controls
    pages = {control.host: [PAGES] for control in controls if control.kind in ("portal", "https", "neutral")}
    echoes = {TRACE: [PAGES, PAGES6], PLAIN: [ALONE], PLAIN6: [ALONE6], DOWNLOAD: [PAGES], "internet.nl": [PAGES]}
    return pages | echoes | {name: [address] for name, address in STUN.items()}


def unbound(folder: Path, address: str, asks_from: str, *lines: str) -> Path:
    """Write the configuration of a resolver that asks the one name server from an address of its own, and keeps nothing."""
    own = [f"interface: {address}@53", f"outgoing-interface: {asks_from}", *lines, "cache-max-ttl: 0", "do-not-query-localhost: no"]
    path = folder / f"unbound-{address}.conf"
    path.write_text(
        f'server:\n  username: ""\n  chroot: ""\n  pidfile: ""\n  directory: "{folder}"\n  use-syslog: no\n  do-daemonize: no\n'
        '  do-ip6: no\n  module-config: "iterator"\n  access-control: 0.0.0.0/0 allow\n'
        + "".join(f"  {line}\n" for line in own)
        + f'forward-zone:\n  name: "."\n  forward-addr: {NAME_SERVER}\nremote-control:\n  control-enable: no\n'
    )
    return path


def pages(folder: Path, certificate: tuple[Path, Path]) -> Path:
    """Write the configuration of the world's web server: it tells visitors their address, and answers as each control should."""
    (folder / "__down").write_bytes(os.urandom(262144))
    listens = " ".join(f"listen {place}:443 ssl;" for place in (PAGES, ALONE, *(f"[{a}]" for a in (PAGES6, ALONE6, *RESOLVERS6))))
    tls = f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};"
    echo = 'location = /cdn-cgi/trace { return 200 "fl=1\\nip=$remote_addr\\nloc=RO\\n"; }'
    secure = f"server {{ {listens} server_name {TRACE}; {tls} {echo} location / {{ return 200 'ok'; }} }}\n"
    secure += f"server {{ {listens} server_name {PLAIN} {PLAIN6}; {tls} location / {{ return 200 '$remote_addr'; }} }}\n"
    secure += f"server {{ {listens} server_name {DOWNLOAD}; {tls} location / {{ try_files /__down =404; }} }}\n"
    return _nginx(folder, "world", secure + "".join(_controls(listens, tls)))


def _controls(listens: str, tls: str) -> Iterable[str]:
    known = load_catalog().controls
    for host in dict.fromkeys(c.host for c in known if c.kind in ("portal", "https", "neutral")):
        own = {c.path: (c.expect_status, c.expect_body) for c in known if c.host == host and c.kind in ("portal", "https")}
        found = "".join(
            f"location = {path} {{ return {status}{'' if status == 204 else f' {body or host!r}'}; }} "  # a page of a control
            for path, (status, body) in own.items()
        )
        rest = "" if "/" in own else "location / { return 200 'ok'; }"
        clear = "" if any(c.host == host and c.kind == "https" for c in known) else f"listen {PAGES}:80;"
        yield f"server {{ {listens} {clear} server_name {host}; {tls} default_type text/html; {found} {rest} }}\n"


def strangers(folder: Path, certificate: tuple[Path, Path]) -> Path:
    """Write the configuration of a server that is in the way: a certificate of its own for every page, and a page to sign in."""
    return _nginx(
        folder,
        "strangers",
        f"server {{ listen {STRANGER_PORT} ssl; ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};"
        " location / { return 200 'ok'; } }\n"
        f"server {{ listen {SIGN_IN_PORT}; location = /entrar {{ return 200 '<html>Bienvenido: escribe tu clave</html>'; }}"
        f" location / {{ return 302 http://{VPNS_RESOLVER}:{SIGN_IN_PORT}/entrar; }} }}\n",
    )


def _nginx(folder: Path, label: str, servers: str) -> Path:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{label}-{kind};" for kind in kinds)
    path = folder / f"nginx-{label}.conf"
    path.write_text(
        f"user root; worker_processes 1; daemon off; pid {folder}/nginx-{label}.pid; error_log stderr warn;\n"
        f"events {{ worker_connections 512; }} http {{ access_log off; {temporary} root {folder}; default_type text/plain;\n"
        f"large_client_header_buffers 4 16k;\n{servers} }}\n"
    )
    return path
