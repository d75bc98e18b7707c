"""What real proxies answer, measured through the command line: the table of ``docs/proxies.md``.

``python3 run.py dev python -m tests.real_servers.reply_matrix`` writes it anew (root, and the packages of the laboratory).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from diagnostics.catalog import load_catalog
from diagnostics.routes.grammar import parse_link
from tests.real_servers.lab import Lab
from tests.real_servers.proxies import FORBIDDEN_PORT, PASSWORD, USER, WRONG, Proxies
from tests.real_servers.setting import Setting
from tests.real_servers.world import CLEAR, HOME, TENANT

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "proxies.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of what was measured -->\n"
NOBODY: Final = "nobody-has-this-name.com"

TARGETS: Final = {
    "works": f"https://{HOME}/",
    "refuses": f"https://{CLEAR}/",
    "black hole": f"https://{TENANT}/",
    "unknown name": f"https://{NOBODY}/",
    "other port": f"https://{HOME}:{FORBIDDEN_PORT}/",
}
"""A site that is well, one whose port 443 is closed, one that swallows everything, a name of nobody, a port with nothing behind it."""

COLUMNS: Final = (*TARGETS, "no login", "wrong login")
SERVERS: Final = (
    ("socks5h", "microsocks"),
    ("socks5h", "dante"),
    ("socks4", "dante"),
    ("socks5h", "sing-box"),
    ("socks4a", "sing-box"),
    ("http", "sing-box"),
    ("socks5h", "pproxy"),
    ("http", "pproxy"),
    ("http", "tinyproxy"),
    ("https", "stunnel before tinyproxy"),
    ("http", "squid"),
    ("https", "squid with TLS"),
    ("socks5h", "Tor that is not ready"),
)
LOGINS: Final = {"microsocks": "microsocks with a login", "tinyproxy": "tinyproxy with a login"}
"""Which server of the same program asks for a login."""

_NOTHING: Final = "-"
_CUT: Final = ("connection_reset", "eof_error")
_SILENT: Final = ("generic_timeout_error", "timed_out")

Row = dict[str, str]


def links_of(proxies: Proxies) -> dict[tuple[str, str], str]:
    """Return the links by (row, column); the column "works" stands for all targets."""
    links: dict[tuple[str, str], str] = {}
    for scheme, server in SERVERS:
        row = f"{server}, `{scheme}`"
        links[row, "works"] = proxies.link(scheme, server)
        if server in LOGINS:
            links[row, "no login"] = proxies.link(scheme, LOGINS[server])
            links[row, "wrong login"] = proxies.link(scheme, LOGINS[server], f"{USER}:{WRONG}")
    links["OpenSSH, `ssh -D`", "works"] = proxies.tunnel()
    links["shadowsocks-libev, `ss`", "works"] = proxies.shadowsocks()
    links["shadowsocks-libev, `ss`", "wrong login"] = proxies.shadowsocks(WRONG)
    links["Trojan, `trojan`", "works"] = proxies.link("trojan", "Trojan", PASSWORD)
    links["Trojan, `trojan`", "wrong login"] = proxies.link("trojan", "Trojan", WRONG)
    return links


def measured(lab: Lab, proxies: Proxies) -> dict[str, Row]:
    """Return what each server answered in each case, in one run of the command line."""
    links = links_of(proxies)
    lab.arrange(Setting(dark=tuple(lab.world.hosts[TENANT].addresses)))
    words = [word for url in TARGETS.values() for word in ("--url", url)]
    words += [word for link in dict.fromkeys(links.values()) for word in ("--proxy", link)]
    done = lab.atajo("check", *words, "--no-direct", "--json", "-", "--quiet", timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    table: dict[str, Row] = {}
    for (row, column), link in links.items():
        cells, route = table.setdefault(row, {}), parse_link(link).id
        if column != "works":
            cells[column] = _way(report, route)
            continue
        for name, url in TARGETS.items():
            cells[name] = _cell(report, route, url)
    return table


def _cell(report: Mapping[str, Any], route: str, url: str) -> str:
    """Return what happened with one target over one proxy, and the rule that judged it."""
    verdict = next(v for v in report["verdicts"] if (v["route"], v["target"], v["function"]) == (route, url, "web"))
    steps = [o for o in report["observations"] if (o["route"], o["target"]) == (route, url)]
    return _told([o for o in steps if o["detail"].get("purpose") == "target"], verdict["rule"])


def _way(report: Mapping[str, Any], route: str) -> str:
    """Return what happened with the harmless pages over one proxy, and the rule that judged the proxy."""
    verdict = next(each for each in report["routes"] if each["id"] == route)
    steps = [o for o in report["observations"] if o["route"] == route and o["detail"].get("purpose") == "control"]
    return _told(steps, verdict["rule"])


def _told(steps: list[dict[str, Any]], rule: str) -> str:
    failed = next((o for o in steps if o["failure"]), None)
    if failed is None:
        return f"`{rule}`"
    words = {**dict.fromkeys(_CUT, "closed"), **dict.fromkeys(_SILENT, "silence")}
    what = words.get(failed["failure"], f"`{failed['failure']}`")
    said = failed["detail"].get("reply", failed["detail"].get("status")) if failed["step"] == "proxy" else None
    agreed = "yes, then " if failed["step"] == "tls" else ""
    return f"{agreed}{what}{f' ({said})' if said is not None else ''}: `{rule}`"


def written(table: Mapping[str, Row]) -> str:
    """Return the table as a page has it."""
    lines = [f"| server, link | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(cells.get(column, _NOTHING) for column in COLUMNS)} |" for row, cells in table.items()]
    return "\n".join(lines) + "\n"


def of_page(text: str) -> str:
    """Return the table that a page has."""
    return text.partition(BEGIN)[2].partition(END)[0]


def main() -> int:
    """Measure, and write the page anew."""
    with Lab(load_catalog()) as lab, Proxies(lab) as proxies:
        table = written(measured(lab, proxies))
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.partition(BEGIN)[0] + BEGIN + table + END + text.partition(END)[2], encoding="utf-8")
    sys.stdout.write(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
