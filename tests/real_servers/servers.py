"""Configuration of the real servers: unbound for names, nginx for pages and held connections, dnsdist for DoH."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from diagnostics.bogons import is_address
from tests.real_servers.authority import Authority
from tests.real_servers.world import ORDINARY, Answer, Certificate, Conduct, Host, World

DOH_BACKEND = 8053
NOTICE_PORT = 8080
PORTAL_PORT = 8081
SIGN_IN_PORT = 8082
INTERCEPTOR_PORT = 8443
BOX_PORT = 8445
GROUPS_PORT = 8444
"""Where the nginx of the Internet serves whole networks: a wildcard at 443 would collide with the single addresses."""

HOLD_SECONDS = 30
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

TITLE = "Aviso"
NOTICE = (
    f"<!doctype html><html><head><title>{TITLE}</title></head><body><h1>Acceso restringido</h1>"
    "<p>El acceso a este sitio ha sido restringido por orden de la autoridad competente.</p></body></html>"
)

SIGN_IN = (
    "<!doctype html><html><head><title>Bienvenido</title></head><body><h1>Wi-Fi del hotel</h1>"
    "<p>Escribe tu habitación y tu apellido para navegar.</p></body></html>"
)

LINES = 130
"""Lines of 84 bytes in the common page."""


def page_text(title: str, lines: int) -> str:
    """Return an ordinary page."""
    head = f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head><body>\n'
    line = "<p>An ordinary page of ordinary length, as a site sends it to everybody who asks.</p>\n"
    return f"{head}{line * lines}</body></html>\n"


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


def write_public(folder: Path, world: World, authority: Authority, extra: Iterable[str]) -> Path:
    """Write the configuration of all public resolvers: one unbound at all their addresses; ``extra`` are lines of it."""
    names = [*world.dot_names, *sorted(world.tls_resolvers)]
    lines = ["interface: 127.0.0.1@53"]  # dnsdist asks here
    lines += [f"interface: {address}@53" for address in sorted(world.plain_resolvers)]
    if names:
        certificate, key = authority.issue("resolvers-dot", names)
        lines += [f"interface: {address}@853" for address in sorted(world.tls_resolvers)]
        lines += [f'tls-service-pem: "{certificate}"', f'tls-service-key: "{key}"', "tls-port: 853"]
    lines += extra
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


def write_nginx(folder: Path, world: World, authority: Authority, conduct: Mapping[str, Conduct]) -> Path:
    """Write the configuration of nginx for every host of the world; ``conduct`` tells which sites behave oddly."""
    sites = sorted({host.site for host in world.hosts.values()})
    certificates = {site: _certificate(world, authority, site, conduct.get(site, ORDINARY)) for site in sites}
    up = [host for host in world.hosts.values() if conduct.get(host.site, ORDINARY).listening]
    for site in sites:
        own = conduct.get(site, ORDINARY)
        _page_file(folder, site).write_text(page_text(own.title or '<!--# echo var="host" -->', own.lines or LINES))
    blocks = [
        _server(host, port, answer, certificates[host.site], conduct.get(host.site, ORDINARY))
        for host in up
        for port, answer in host.ports.items()
    ]
    blocks += _groups(folder, world, authority)
    held = {
        f"{address}:{port}" for host in up for port, answer in host.ports.items() if answer is Answer.HOLD for address in host.addresses
    }
    listens = " ".join(f"listen {place};" for place in sorted(held))
    # ssl_preread waits for the client's first bytes, which is what holds the connection open; then the server hangs up
    stream = f'stream {{ server {{ {listens} ssl_preread on; preread_timeout {HOLD_SECONDS}s; return ""; }} }}' if held else ""
    return _write_nginx(folder, "internet", "\n".join(block for block in blocks if block), stream)


def write_notice(folder: Path, address: str) -> Path:
    """Write the configuration of the provider's nginx, which shows the block page and the page to sign in."""
    (folder / "notice.html").write_text(NOTICE)
    (folder / "sign-in.html").write_text(SIGN_IN)
    notice = f"server {{ listen {address}:{NOTICE_PORT}; location / {{ try_files /notice.html =404; }} }}"
    door = f"server {{ listen {address}:{PORTAL_PORT}; location / {{ return 302 http://{address}:{SIGN_IN_PORT}/entrar; }} }}"
    room = f"server {{ listen {address}:{SIGN_IN_PORT}; location / {{ try_files /sign-in.html =404; }} }}"
    return _write_nginx(folder, "provider", f"{notice} {door} {room}", "")


def write_interceptor(folder: Path, world: World, stranger: Authority, resolver: str, address: str = "") -> Path:
    """Write the configuration of a middlebox that opens TLS connections, at ``address`` (where the resolver is if there is none).

    It shows a certificate of its own for whatever name is asked for, and fetches the page from the true server.
    """
    names = sorted({host.name for host in world.hosts.values() if not is_address(host.name)})
    rows = []
    for name in names:
        certificate, key = stranger.issue(f"middlebox-{name}", [name])
        rows.append(f'{name} "{certificate}";')
        key.rename(certificate.with_suffix(".pem.key"))
    nameless, key = stranger.issue("middlebox", ["middlebox.invalid"])
    key.rename(nameless.with_suffix(".pem.key"))
    settings = f"map $ssl_server_name $shown {{ default {nameless}; {' '.join(rows)} }} resolver {resolver} ipv6=off;"
    server = (
        f"server {{ listen {address or resolver}:{INTERCEPTOR_PORT} ssl; ssl_certificate $shown; ssl_certificate_key $shown.key;\n"
        "location / { proxy_pass https://$ssl_server_name; proxy_ssl_server_name on; proxy_ssl_name $ssl_server_name;"
        " proxy_set_header Host $host; proxy_http_version 1.1; ssi off; } }"
    )
    return _write_nginx(folder, "interceptor", f"{settings}\n{server}", "")


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


def _certificate(world: World, authority: Authority, site: str, conduct: Conduct) -> tuple[Path, Path]:
    """Return one certificate for all hosts of a site."""
    hosts = [host for host in world.hosts.values() if host.site == site]
    names = sorted({host.name for host in hosts} | {a for host in hosts for a in host.certified_addresses})
    label = site.replace(" ", "-")
    if conduct.certificate is Certificate.WRONG_NAME:
        return authority.issue(label, ["panel.alojamiento.example"])
    if conduct.certificate is Certificate.EXPIRED:
        return authority.issue(label, names, days=-7)
    if conduct.certificate is Certificate.SELF_SIGNED:
        return authority.sign_itself(label, names)
    return authority.issue(label, names)


def _page_file(folder: Path, site: str) -> Path:
    return folder / f"page-{site.replace(' ', '-')}.html"


def _server(host: Host, port: int, answer: Answer, certificate: tuple[Path, Path], conduct: Conduct) -> str:
    if answer is Answer.HOLD:
        return ""
    secure = answer is Answer.TLS
    listens = " ".join(f"listen {address}:{port}{' ssl' if secure else ''};" for address in (*host.addresses, *host.edges))
    files = f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};" if secure else ""
    locations = " ".join(_locations(host, port, conduct, secure=secure))
    return f"server {{ {listens} server_name {host.name}; {files} {locations} }}"


def _groups(folder: Path, world: World, authority: Authority) -> Iterable[str]:
    """Serve names that share one certificate at whatever address they are asked for."""
    page = _page_file(folder, "of a group")
    page.write_text(page_text('<!--# echo var="host" -->', LINES))
    for number, names in enumerate(world.groups):
        certificate, key = authority.issue(f"group-{number}", names)
        files = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        serve = f"location / {{ try_files /{page.name} =404; }}"
        yield f"server {{ listen {GROUPS_PORT} ssl; server_name {' '.join(names)}; {files} {serve} }}"


def _locations(host: Host, port: int, conduct: Conduct, *, secure: bool) -> list[str]:
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
    file = _page_file(Path("/"), host.site)
    rest = f"try_files {file} =404;"
    if moves:
        rest = "return 301 https://$host$request_uri;"
    elif conduct.moves:
        rest = conduct.moves
    elif conduct.status != 200:
        pages += [f"error_page {conduct.status} {file};", f"location = {file} {{ internal; }}"]
        rest = f"return {conduct.status};"
    return [*pages, *doors, f"location / {{ {rest} }}"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("$", "")
    return f'"{escaped}"'
