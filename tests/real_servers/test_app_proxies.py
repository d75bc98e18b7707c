"""The proxies of Telegram, Signal and WhatsApp in the laboratory: the unmodified command line, good ones and bad ones.

Signal's is nginx after Signal-TLS-Proxy's file, WhatsApp's is HAProxy after WhatsApp/proxy's (without the PROXY header, which the
stand-ins for WhatsApp do not take); for Telegram no real one is packaged, so ``telegram.py`` stands in.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from diagnostics.catalog import load_catalog
from tests.real_servers.lab import Lab, Scenario
from tests.real_servers.netns import missing_tools
from tests.real_servers.processes import Daemon
from tests.real_servers.servers import STREAM_MODULE
from tests.real_servers.setting import Setting
from tests.real_servers.test_lab_verdicts import replayed, story

pytestmark = pytest.mark.root

HOME = "104.250.0.10"
"""Where the proxies live: an address of the laboratory's Internet that nothing else has."""

NAME = "puente-de-ana.org"
COVER = "portada-tranquila.org"
SECRET = "00112233445566778899aabbccddeeff"
WRONG = "10112233445566778899aabbccddeeff"
SECRETS = (SECRET, f"dd{SECRET}", f"ee{SECRET}{COVER.encode().hex()}")
CENTRE = 8430
SITE = 8431
TELEGRAM = str(Path(__file__).with_name("telegram.py"))
TOLD = ("signal", "whatsapp", "telegram")


@pytest.fixture(scope="module")
def home(lab: Lab) -> Lab:
    """Give the proxies an address, and a name that the client knows."""
    assert not missing_tools({"haproxy": "haproxy", "nginx": "nginx"})
    lab.internet.ip("addr", "replace", f"{HOME}/32", "dev", "lo")
    return lab


@contextmanager
def running(lab: Lab, log: str, port: int, *words: str) -> Iterator[None]:
    """Run a server in the laboratory's Internet for a while."""
    daemon = Daemon(lab.internet, lab.folder / f"{log}.log", *words)
    try:
        daemon.wait_for(("tcp", port))
        yield
    finally:
        daemon.stop()


def checked(lab: Lab, service: str, link: str, *more: str) -> tuple[int, dict[str, Any]]:
    """Run the command line for one service over one proxy; its exit status and its report, which judges the same again."""
    done = lab.atajo("check", service, *more, "--no-direct", "--proxy", link, "--json", "-", "--quiet")
    assert "Traceback" not in done.stderr, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert replayed(report) == report["verdicts"]
    assert HOME not in done.stdout.replace(f'"{link}"', "")
    assert NAME not in done.stdout
    return done.status, report


def said(report: dict[str, Any]) -> tuple[str, str | None, str]:
    """Return status, cause and rule of the proxy."""
    route = report["routes"][1]
    return route["status"], route["cause"], route["rule"]


def steps(report: dict[str, Any]) -> str:
    """Tell what was seen over the proxy, for the message of a failing test."""
    return "\n".join(str(o) for o in report["observations"] if o["route"] != "direct")


# --- Telegram ------------------------------------------------------------------------------------------


@contextmanager
def telegram(lab: Lab, secret: str, *, decoy: bool = False, reaches: bool = True) -> Iterator[None]:
    """Run a proxy of Telegram, its data centre, and the site that it shows to strangers (nginx)."""
    with ExitStack() as stack:
        if reaches:
            stack.enter_context(running(lab, "centre", CENTRE, sys.executable, TELEGRAM, "centre", "127.0.0.1", str(CENTRE)))
        shown = ["127.0.0.1", str(SITE)] if decoy else []
        if decoy:
            stack.enter_context(site(lab))
        words = [sys.executable, TELEGRAM, "proxy", HOME, "8440", secret, "127.0.0.1", str(CENTRE), *shown]
        stack.enter_context(running(lab, "telegram", 8440, *words))
        yield


@contextmanager
def site(lab: Lab) -> Iterator[None]:
    """Run the ordinary site that a disguised proxy shows."""
    certificate, key = lab.authority.issue("cover", [COVER])
    server = f"server {{ listen 127.0.0.1:{SITE} ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; return 200 hola; }}"
    config = lab.folder / "cover.conf"
    config.write_text(
        f"daemon off; user root; pid {lab.folder}/cover.pid; error_log stderr; events {{}} http {{ access_log off;"
        f" client_body_temp_path {lab.folder}/cover-body; {server} }}"
    )
    with running(lab, "cover", SITE, *lab._nginx, str(config)):
        yield


def tg(secret: str) -> str:
    return f"tg://proxy?server={HOME}&port=8440&secret={secret}"


@pytest.mark.parametrize("secret", SECRETS, ids=["classic", "padded", "fake-tls"])
def test_a_telegram_proxy_that_reaches_telegram_works(home: Lab, secret: str) -> None:
    home.censor(Scenario.OPEN)
    with telegram(home, secret):
        status, report = checked(home, "telegram", tg(secret))
    assert said(report) == ("works", None, "route.app_answers"), steps(report)
    over = [v for v in report["verdicts"] if v["route"] != "direct"]
    assert {(v["target"], v["function"], v["status"]) for v in over} == {("telegram", None, "works"), ("telegram", "chat", "works")}
    assert status == 0


@pytest.mark.parametrize(
    "link, server, decoy, verdict",
    [
        (f"ee{WRONG}{COVER.encode().hex()}", SECRETS[2], True, ("down", "proxy_auth", "route.decoy_answers")),
        (WRONG, SECRET, False, ("down", "proxy_auth", "route.secret_or_cut")),
    ],
    ids=["fake-tls", "classic"],
)
def test_a_wrong_secret_is_named_and_nothing_of_it_is_told(
    home: Lab, link: str, server: str, decoy: bool, verdict: tuple[str, str, str]
) -> None:
    home.censor(Scenario.OPEN)
    with telegram(home, server, decoy=decoy):
        status, report = checked(home, "telegram", tg(link))
    assert said(report) == verdict, steps(report)
    assert WRONG not in json.dumps(report)
    assert status == 1


def test_a_wrong_secret_without_a_disguise_is_only_likely_where_a_site_masks_the_proxy(home: Lab) -> None:
    home.censor(Scenario.OPEN)
    with telegram(home, f"dd{SECRET}", decoy=True):
        _, report = checked(home, "telegram", tg(f"dd{WRONG}"))
    rules = ("route.secret_or_cut", "route.site_answers", "route.silent_to_secret")  # what nginx makes of noise is chance
    assert said(report)[2] in rules, steps(report)
    assert report["routes"][1]["certainty"] == "likely"


def test_a_wrong_clock_is_not_taken_for_a_wrong_secret(home: Lab) -> None:
    home.arrange(Setting(clock_ahead=1800))
    with telegram(home, SECRETS[2], decoy=True):
        _, report = checked(home, "telegram", tg(SECRETS[2]))
    home.censor(Scenario.OPEN)
    assert said(report) == ("unknown", "wrong_clock", "route.clock_too_far"), steps(report)


def test_a_telegram_proxy_without_telegram_behind_it_is_not_accused(home: Lab) -> None:
    home.censor(Scenario.OPEN)
    with telegram(home, SECRETS[2], reaches=False):
        _, report = checked(home, "telegram", tg(SECRETS[2]))
    assert said(report) == ("down", None, "route.app_unreachable"), steps(report)


def test_a_cover_site_whose_name_the_network_cuts_is_told_from_a_proxy_that_hangs_up(home: Lab) -> None:
    cut = f"-A FORWARD -p tcp --dport 8440 -m string --string {COVER} --algo bm -j REJECT --reject-with tcp-reset"
    home.arrange(Setting(rules=(cut,)))
    with telegram(home, SECRETS[2], decoy=True):
        _, report = checked(home, "telegram", tg(SECRETS[2]))
    home.censor(Scenario.OPEN)
    assert said(report) == ("down", "proxy_blocked", "route.site_name_cut"), steps(report)


def test_a_proxy_that_is_off_is_off(home: Lab) -> None:
    home.censor(Scenario.OPEN)
    _, report = checked(home, "telegram", tg(SECRET))
    assert said(report) == ("down", "proxy_down", "route.refused"), steps(report)


def test_a_service_that_no_proxy_of_the_run_carries_was_not_tested(home: Lab) -> None:
    home.censor(Scenario.OPEN)
    with telegram(home, SECRET):
        status, report = checked(home, "telegram", tg(SECRET), "x")
        done = home.atajo("check", "telegram", "x", "--proxy", tg(SECRET), "--lang", "es")
    verdicts = [(v["route"], v["status"]) for v in report["verdicts"] if v["target"] == "x"]
    assert (verdicts, status) == ([("direct", "not_tested")], 1)
    assert "Por Telegram (" in done.stdout, done.stdout
    assert "contestó Telegram de verdad" in done.stdout, done.stdout


# --- Signal --------------------------------------------------------------------------------------------


@contextmanager
def signal_proxy(lab: Lab, *, upstream: str = "", default: str = "127.0.0.1:9", names: tuple[str, ...] = (NAME,)) -> Iterator[None]:
    """Run nginx as Signal's proxy; ``default`` is where names go that are not Signal's."""
    certificate, key = lab.authority.issue("signal-proxy", names)
    chat = upstream or f"{lab.world.hosts['chat.signal.org'].addresses[0]}:443"
    config = lab.folder / "signal.conf"
    config.write_text(
        f"load_module {STREAM_MODULE}; daemon off; user root; pid {lab.folder}/signal.pid; error_log stderr; events {{}}\n"
        f"stream {{ map $ssl_preread_server_name $up {{ chat.signal.org {chat}; default {default}; }}\n"
        f"server {{ listen 127.0.0.1:4436; ssl_preread on; proxy_pass $up; }}\n"
        f"server {{ listen {HOME}:443 ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; proxy_pass 127.0.0.1:4436; }} }}"
    )
    with running(lab, "signal", 4436, *lab._nginx, str(config)):
        yield


@pytest.fixture
def named(home: Lab) -> Iterator[Lab]:
    """Let the client know the proxy's name."""
    home.arrange(Setting(hosts=(f"{HOME} {NAME}",)))
    yield home
    home.censor(Scenario.OPEN)


SIGNAL = f"https://signal.tube/#{NAME}"


def test_a_signal_proxy_that_reaches_signal_works(named: Lab) -> None:
    with signal_proxy(named):
        status, report = checked(named, "signal", SIGNAL)
    assert (said(report), status) == (("works", None, "route.app_answers"), 0), steps(report)


def test_a_signal_proxy_that_passes_everything_works_and_is_told_of(named: Lab) -> None:
    neutral = next(control.host for control in load_catalog().controls if control.kind == "neutral")
    with signal_proxy(named, default=f"{named.world.hosts[neutral].addresses[0]}:443"):
        _, report = checked(named, "signal", SIGNAL)
    assert said(report) == ("works", None, "route.open_relay"), steps(report)


@pytest.mark.parametrize(
    "upstream, names, verdict",
    [
        ("127.0.0.1:9", (NAME,), ("down", None, "route.app_unreachable")),
        (f"127.0.0.1:{SITE}", (NAME,), ("down", "proxy_intercepts", "route.another_answers")),
        ("", ("otro-nombre.org",), ("down", "proxy_intercepts", "route.outer_certificate")),
    ],
    ids=["no-way-on", "another-certificate-inside", "another-certificate-outside"],
)
def test_a_bad_signal_proxy_is_named(named: Lab, upstream: str, names: tuple[str, ...], verdict: tuple[str, str | None, str]) -> None:
    with site(named), signal_proxy(named, upstream=upstream, names=names):
        _, report = checked(named, "signal", SIGNAL)
    assert said(report) == verdict, steps(report)


def test_a_site_is_no_signal_proxy(named: Lab) -> None:
    certificate, key = named.authority.issue("plain-site", [NAME])
    config = named.folder / "plain.conf"
    config.write_text(
        f"daemon off; user root; pid {named.folder}/plain.pid; error_log stderr; events {{}} http {{ access_log off;"
        f" server {{ listen {HOME}:443 ssl; listen 127.0.0.1:4437; ssl_certificate {certificate}; ssl_certificate_key {key};"
        " return 200 hola; } }"
    )
    with running(named, "plain", 4437, *named._nginx, str(config)):
        _, report = checked(named, "signal", SIGNAL)
    assert said(report) == ("down", "proxy_wrong_protocol", "route.other_protocol"), steps(report)


# --- WhatsApp ------------------------------------------------------------------------------------------


@contextmanager
def whatsapp_proxy(
    lab: Lab, *, chat: tuple[int, ...] = (443, 5222, 80), media: tuple[int, ...] = (587, 7777), front: str = "", server: str = ""
) -> Iterator[None]:
    """Run HAProxy with the ports of WhatsApp's proxy, and its certificate that nobody else has signed."""
    certificate, key = lab.authority.sign_itself("whatsapp-proxy", ["whatsapp.proxy"])
    both = lab.folder / "whatsapp-proxy.both"
    both.write_text(certificate.read_text() + key.read_text())
    back = server or f"{lab.world.hosts['g.whatsapp.net'].addresses[0]}:5222"
    pictures = front or f"{lab.world.hosts['whatsapp.net'].addresses[0]}:443"
    binds = "".join(f" bind {HOME}:{port}{f' ssl crt {both}' if port == 443 else ''}\n" for port in chat)
    passed = "".join(f" bind {HOME}:{port}\n" for port in media)
    config = lab.folder / "whatsapp.cfg"
    config.write_text(
        "defaults\n mode tcp\n timeout client 200s\n timeout connect 5s\n timeout server 200s\n"
        "frontend alive\n bind 127.0.0.1:8199\n default_backend chat\n"
        + (f"frontend chat\n{binds} default_backend chat\n" if chat else "")
        + (f"frontend media\n{passed} default_backend media\n" if media else "")
        + f"backend chat\n server g {back}\nbackend media\n server front {pictures}\n"
    )
    with running(lab, "whatsapp", 8199, "haproxy", "-db", "-f", str(config)):
        yield


WHATSAPP = f"whatsapp://{HOME}"


@pytest.mark.parametrize("chat, media", [((443,), (587,)), ((5222,), (7777,))], ids=["usual-ports", "other-ports"])
def test_a_whatsapp_proxy_that_reaches_whatsapp_works(home: Lab, chat: tuple[int, ...], media: tuple[int, ...]) -> None:
    home.censor(Scenario.OPEN)
    with whatsapp_proxy(home, chat=chat, media=media):
        status, report = checked(home, "whatsapp", WHATSAPP)
    assert (said(report), status) == (("works", None, "route.app_answers"), 0), steps(report)


def test_a_whatsapp_proxy_without_pictures_works_in_part_and_says_which(home: Lab) -> None:
    home.censor(Scenario.OPEN)
    with whatsapp_proxy(home, media=()):
        status, report = checked(home, "whatsapp", WHATSAPP)
        done = home.atajo("check", "whatsapp", "--no-direct", "--proxy", WHATSAPP, "--lang", "es")
    assert (said(report), status) == (("partial", None, "route.chat_only"), 1), steps(report)
    functions = {v["function"]: v["status"] for v in report["verdicts"] if v["function"]}
    assert functions == {"chat": "works", "media": "down"}
    assert "no las fotos ni los archivos" in " ".join(done.stdout.split()), done.stdout


@pytest.mark.parametrize(
    "chat, front, server, verdict",
    [
        ((), "", "", ("partial", None, "route.media_only")),
        ((443,), f"127.0.0.1:{SITE}", "", ("down", "proxy_intercepts", "route.another_answers")),
        ((443, 5222, 80), "127.0.0.1:9", "127.0.0.1:9", ("down", None, "route.app_unreachable")),
    ],
    ids=["no-chat", "another-certificate", "no-way-on"],
)
def test_a_bad_whatsapp_proxy_is_named(
    home: Lab, chat: tuple[int, ...], front: str, server: str, verdict: tuple[str, str | None, str]
) -> None:
    home.censor(Scenario.OPEN)
    with site(home), whatsapp_proxy(home, chat=chat, front=front, server=server):
        _, report = checked(home, "whatsapp", WHATSAPP)
    assert said(report) == verdict, steps(report) + story(report, "whatsapp")


def test_a_whatsapp_proxy_that_is_off_is_off(home: Lab) -> None:
    home.censor(Scenario.OPEN)
    _, report = checked(home, "whatsapp", WHATSAPP)
    assert said(report) == ("down", "proxy_down", "route.refused"), steps(report)
