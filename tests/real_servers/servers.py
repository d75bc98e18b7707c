"""Configuration of the real servers: unbound for names, nginx for pages and held connections, dnsdist for DoH."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.real_servers.authority import Authority
from tests.real_servers.world import Answer, Host, World

DOH_BACKEND = 8053
NOTICE_PORT = 8080
GROUPS_PORT = 8443
"""Where the nginx of the Internet serves whole networks: a wildcard at 443 would collide with the single addresses."""

HOLD_SECONDS = 30
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

TITLE = "Aviso"
NOTICE = (
    f"<!doctype html><html><head><title>{TITLE}</title></head><body><h1>Acceso restringido</h1>"
    "<p>El acceso a este sitio ha sido restringido por orden de la autoridad competente.</p></body></html>"
)

_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title><!--# echo var="host" --></title></head><body>\n'
    + "<p>An ordinary page of ordinary length, as a site sends it to everybody who asks.</p>\n" * 130
    + "</body></html>\n"
)

_UNBOUND = """server:
  username: ""
  chroot: ""
  pidfile: ""
  directory: "{folder}"
  use-syslog: no
  verbosity: 1
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  module-config: "iterator"
  access-control: 0.0.0.0/0 allow
  unblock-lan-zones: yes
  incoming-num-tcp: 200
{lines}
auth-zone:
  name: "."
  zonefile: "{zone}"
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
remote-control:
  control-enable: no
"""


def write_zone(folder: Path, world: World) -> Path:
    """Write the whole DNS of the laboratory as one zone."""
    lines = [". 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 2026112400 1800 900 604800 300"]
    lines += [". 518400 IN NS a.root-servers.net.", "a.root-servers.net. 518400 IN A 198.41.0.4"]
    lines += [f"{name}. 300 IN A {address}" for name, address in world.records]
    path = folder / "root.zone"
    path.write_text("\n".join(lines) + "\n")
    return path


def write_provider(folder: Path, address: str, lies: Iterable[str]) -> Path:
    """Write the configuration of the provider's resolver; ``lies`` are lines of its ``server:`` clause."""
    lines = [f"interface: {address}@53", *lies]
    return _write_unbound(folder, "provider", lines)


def write_public(folder: Path, world: World, authority: Authority) -> Path:
    """Write the configuration of all public resolvers: one unbound at all their addresses."""
    names = [*world.dot_names, *sorted(world.tls_resolvers)]
    lines = ["interface: 127.0.0.1@53"]  # dnsdist asks here
    lines += [f"interface: {address}@53" for address in sorted(world.plain_resolvers)]
    if names:
        certificate, key = authority.issue("resolvers-dot", names)
        lines += [f"interface: {address}@853" for address in sorted(world.tls_resolvers)]
        lines += [f'tls-service-pem: "{certificate}"', f'tls-service-key: "{key}"', "tls-port: 853"]
    return _write_unbound(folder, "public", lines)


def write_dnsdist(folder: Path, world: World) -> Path:
    """Write the configuration of dnsdist, which speaks DNS over plain HTTP/1.1 and 2 behind nginx."""
    paths = sorted({path for host in world.hosts.values() for path in host.doh_paths})
    quoted = ", ".join(f'"{path}"' for path in paths)
    path = folder / "dnsdist.conf"
    path.write_text(
        'setSecurityPollSuffix("")\n'  # it would ask its makers about updates
        'setLocal("127.0.0.1:5300")\n'
        f'addDOHLocal("127.0.0.1:{DOH_BACKEND}", nil, nil, {{{quoted}}})\n'
        'newServer({address="127.0.0.1:53", healthCheckMode="up"})\n'
    )
    return path


def write_nginx(folder: Path, world: World, authority: Authority) -> Path:
    """Write the configuration of nginx for every host of the world."""
    (folder / "page.html").write_text(_PAGE)
    certificates = {site: _certificate(world, authority, site) for site in {h.site for h in world.hosts.values()}}
    blocks = [_server(host, port, answer, certificates) for host in world.hosts.values() for port, answer in host.ports.items()]
    blocks += _groups(world, authority)
    held = {
        f"{address}:{port}"
        for host in world.hosts.values()
        for port, answer in host.ports.items()
        if answer is Answer.HOLD
        for address in host.addresses
    }
    listens = " ".join(f"listen {place};" for place in sorted(held))
    # ssl_preread waits for the client's first bytes, which is what holds the connection open; then the server hangs up
    stream = f'stream {{ server {{ {listens} ssl_preread on; preread_timeout {HOLD_SECONDS}s; return ""; }} }}' if held else ""
    return _write_nginx(folder, "internet", "\n".join(block for block in blocks if block), stream)


def write_notice(folder: Path, address: str) -> Path:
    """Write the configuration of the provider's nginx, which shows the block page."""
    (folder / "notice.html").write_text(NOTICE)
    server = f"server {{ listen {address}:{NOTICE_PORT}; location / {{ try_files /notice.html =404; }} }}"
    return _write_nginx(folder, "provider", server, "")


def _write_unbound(folder: Path, label: str, lines: Iterable[str]) -> Path:
    text = _UNBOUND.format(folder=folder, zone=folder / "root.zone", lines="\n".join(f"  {line}" for line in lines))
    path = folder / f"unbound-{label}.conf"
    path.write_text(text)
    return path


def _write_nginx(folder: Path, label: str, servers: str, stream: str) -> Path:
    temporary = " ".join(f"{kind}_temp_path {folder}/{label}-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = folder / f"nginx-{label}.conf"
    path.write_text(
        f"load_module {STREAM_MODULE};\n"
        f"user root; worker_processes 1; daemon off; pid {folder}/nginx-{label}.pid; error_log stderr warn;\n"
        "worker_rlimit_nofile 8192; events { worker_connections 4096; }\n"
        f"http {{ access_log {folder}/nginx-{label}.access; {temporary} root {folder}; default_type text/html; ssi on; server_tokens off;\n"
        "ssl_protocols TLSv1.2 TLSv1.3; server_names_hash_bucket_size 128; server_names_hash_max_size 4096;\n"
        f"{servers}\n}}\n{stream}\n"
    )
    return path


def _certificate(world: World, authority: Authority, site: str) -> tuple[Path, Path]:
    """Return one certificate for all hosts of a site."""
    hosts = [host for host in world.hosts.values() if host.site == site]
    names = sorted({host.name for host in hosts} | {a for host in hosts for a in host.certified_addresses})
    return authority.issue(site.replace(" ", "-"), names)


def _server(host: Host, port: int, answer: Answer, certificates: dict[str, tuple[Path, Path]]) -> str:
    if answer is Answer.HOLD:
        return ""
    secure = answer is Answer.TLS
    listens = " ".join(f"listen {address}:{port}{' ssl' if secure else ''};" for address in host.addresses)
    certificate, key = certificates[host.site]
    files = f"ssl_certificate {certificate}; ssl_certificate_key {key};" if secure else ""
    return f"server {{ {listens} server_name {host.name}; {files} {' '.join(_locations(host, port, secure=secure))} }}"


def _groups(world: World, authority: Authority) -> Iterable[str]:
    """Serve names that share one certificate at whatever address they are asked for."""
    for number, names in enumerate(world.groups):
        certificate, key = authority.issue(f"group-{number}", names)
        files = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        yield f"server {{ listen {GROUPS_PORT} ssl; server_name {' '.join(names)}; {files} location / {{ try_files /page.html =404; }} }}"


def _locations(host: Host, port: int, *, secure: bool) -> list[str]:
    pages = [
        f"location = {path} {{ default_type text/plain; return {page.status} {_quoted(page.body)}; }}"
        for path, page in host.pages.items()
        if path not in host.doh_paths
    ]
    doors = [
        f"location = {path} {{ proxy_pass http://127.0.0.1:{DOH_BACKEND}; proxy_http_version 1.1; ssi off; }}"
        for path in host.doh_paths
        if secure
    ]
    moves = not secure and Answer.TLS in host.ports.values() and not host.pages and port == 80
    rest = "return 301 https://$host$request_uri;" if moves else "try_files /page.html =404;"
    return [*pages, *doors, f"location / {{ {rest} }}"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("$", "")
    return f'"{escaped}"'
