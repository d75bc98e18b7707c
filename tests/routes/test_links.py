"""Links of proxies: what people paste becomes a ``Link`` or one sentence, and no secret ever prints."""

from __future__ import annotations

import base64
import json
import pickle
import string

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.texts import t
from diagnostics.routes.accounts import KEY_SIZES
from diagnostics.routes.grammar import CHAINABLE, MAX_LINK, PLAIN_SCHEMES, format_link, parse_link
from diagnostics.routes.link import Kind, Link, LinkError, Secret
from diagnostics.routes.parts import clean_name
from diagnostics.routes.paste import read_links

UUID = "b831381d-6324-4d53-ad4f-8cda48b30811"


def vmess(**parts: object) -> str:
    account = {"v": "2", "ps": "casa", "add": "a.example", "port": "443", "id": UUID, "aid": 0} | parts
    return f"vmess://{base64.b64encode(json.dumps(account).encode()).decode()}"


# --- what is understood ------------------------------------------------------------------------------

LINKS = {
    "http://u:p@h.example:3128": Link(kind=Kind.HTTP, host="h.example", port=3128, user=Secret("u"), secret=Secret("p")),
    "HTTP://h.example": Link(kind=Kind.HTTP, host="h.example", port=8080),
    "https://proxy": Link(kind=Kind.HTTPS, host="proxy", port=443),
    "socks5://127.0.0.1:9150#Tor%20Browser": Link(kind=Kind.SOCKS5, host="127.0.0.1", port=9150, name="Tor Browser"),
    "socks5h://[2001:db8::1]:1080": Link(kind=Kind.SOCKS5H, host="2001:db8::1", port=1080),
    "socks5://u:a%40b%3Ac@h.example": Link(kind=Kind.SOCKS5, host="h.example", port=1080, user=Secret("u"), secret=Secret("a@b:c")),
    "socks5://tg.example:1": Link(kind=Kind.SOCKS5, host="tg.example", port=1),
    "1.2.3.4:8080": Link(kind=Kind.AUTO, host="1.2.3.4", port=8080),
    "1.2.3.4:8080:u:p:w": Link(kind=Kind.AUTO, host="1.2.3.4", port=8080, user=Secret("u"), secret=Secret("p:w")),
    "u:p@h.example:1": Link(kind=Kind.AUTO, host="h.example", port=1, user=Secret("u"), secret=Secret("p")),
    "«h.example:1»": Link(kind=Kind.AUTO, host="h.example", port=1),
    "ss://YWVzLTI1Ni1nY206cHcx@h.example:8403#N": Link(
        kind=Kind.SHADOWSOCKS, host="h.example", port=8403, method="aes-256-gcm", secret=Secret("pw1"), name="N"
    ),
    "ss://YWVzLTI1Ni1nY206cHdAMS4yLjMuNDo4OA==#viejo": Link(
        kind=Kind.SHADOWSOCKS, host="1.2.3.4", port=88, method="aes-256-gcm", secret=Secret("pw"), name="viejo"
    ),
    "ss://2022-blake3-aes-128-gcm:AAAAAAAAAAAAAAAAAAAAAA%3D%3D@h.example:1": Link(
        kind=Kind.SHADOWSOCKS, host="h.example", port=1, method="2022-blake3-aes-128-gcm", secret=Secret("AAAAAAAAAAAAAAAAAAAAAA==")
    ),
    "trojan://pw@h.example?peer=x.example&allowInsecure=1": Link(
        kind=Kind.TROJAN, host="h.example", port=443, secret=Secret("pw"), options={"sni": Secret("x.example")}, insecure=True
    ),
    f"vless://{UUID.replace('-', '').upper()}@h.example:443?security=tls&type=tcp": Link(
        kind=Kind.VLESS, host="h.example", port=443, secret=Secret(UUID), options={"security": Secret("tls"), "type": Secret("tcp")}
    ),
    vmess(): Link(kind=Kind.VMESS, host="a.example", port=443, secret=Secret(UUID), name="casa"),
    f"https://t.me/proxy?server=h.example&port=443&secret=dd{'ab' * 16}": Link(
        kind=Kind.MTPROTO, host="h.example", port=443, secret=Secret(f"dd{'ab' * 16}")
    ),
    "tg://socks?server=1.2.3.4&port=1080&user=a&pass=b": Link(
        kind=Kind.SOCKS5H, host="1.2.3.4", port=1080, user=Secret("a"), secret=Secret("b")
    ),
    "https://signal.tube/#proxy.example": Link(kind=Kind.SIGNAL, host="proxy.example", port=443),
    "hy2://pw@h.example?sni=a.example": Link(
        kind=Kind.HYSTERIA2, host="h.example", port=443, secret=Secret("pw"), options={"sni": Secret("a.example")}
    ),
    "ssconf://keys.example/abc?x=1#n": Link(kind=Kind.OUTLINE, host="keys.example", port=443, secret=Secret("/abc?x=1"), name="n"),
    "socks5h://a.example:1|trojan://pw@h.example#casa|2": Link(
        kind=Kind.TROJAN,
        host="h.example",
        port=443,
        secret=Secret("pw"),
        name="casa|2",
        first=Link(kind=Kind.SOCKS5H, host="a.example", port=1),
    ),
    "trojan://pw@h.example#x|https://t.me/canal": Link(
        kind=Kind.TROJAN, host="h.example", port=443, secret=Secret("pw"), name="x|https://t.me/canal"
    ),
    vmess(net="ws", type="none", tls="tls"): Link(
        kind=Kind.VMESS,
        host="a.example",
        port=443,
        secret=Secret(UUID),
        name="casa",
        options={"type": Secret("ws"), "security": Secret("tls")},
    ),
    vmess(net="tcp", type="http"): Link(
        kind=Kind.VMESS,
        host="a.example",
        port=443,
        secret=Secret(UUID),
        name="casa",
        options={"type": Secret("tcp"), "headerType": Secret("http")},
    ),
    "whatsapp://w.example?media=587": Link(kind=Kind.WHATSAPP, host="w.example", port=443, options={"media": Secret("587")}),
}


@pytest.mark.parametrize("text", list(LINKS))
def test_every_kind_of_link_is_understood(text: str) -> None:
    assert parse_link(text) == LINKS[text]


def test_a_telegram_secret_may_come_in_base64_and_must_name_a_site_when_it_poses_as_one() -> None:
    plain = bytes.fromhex("ee" + "ab" * 16) + b"www.example.com"
    coded = base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
    for secret in (plain.hex(), coded):
        assert parse_link(f"tg://proxy?server=h.example&port=443&secret={secret}").secret.reveal() == plain.hex()
    with pytest.raises(LinkError, match="secret_name"):
        parse_link(f"tg://proxy?server=h.example&port=443&secret={plain.hex()}00ff")


def test_an_outline_prefix_may_hold_any_bytes_but_not_more_than_fit() -> None:
    link = parse_link("ss://YWVzLTI1Ni1nY206cHcx@h.example:1/?outline=1&prefix=%16%03%01%C2%A8%01%01")
    assert link.option("prefix") == "\x16\x03\x01\xa8\x01\x01"
    assert parse_link(format_link(link)) == link
    for prefix in ("x" * 33, "%E2%82%AC"):
        with pytest.raises(LinkError, match="prefix"):
            parse_link(f"ss://YWVzLTI1Ni1nY206cHcx@h.example:1/?prefix={prefix}")


# --- what is not, and why ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "link.empty"),
        ("h.example", "link.no_port"),
        ("h.example:0", "link.port"),
        ("h.example:99999", "link.port"),
        ("h.example:8o80", "link.port"),
        ("h.example:٣٠", "link.port"),
        ("http://", "link.no_host"),
        ("http://a..b:1", "link.host"),
        ("http://[::1:80", "link.host"),
        ("http://::1:80", "link.brackets"),
        ("https://x.com/i/flow/login", "link.page"),
        ("quic://h.example:1", "link.scheme"),
        ("socks5://h.example:1 y otra cosa", "link.spaces"),
        ("socks5://u:\x00@h.example:1", "link.control"),
        ("socks5://u:p%0d%0aX@h.example:1", "link.control"),
        ("socks5://%ff@h.example:1", "link.bytes"),
        (f"socks5://{'u' * 256}@h.example:1", "link.long_credential"),
        ("socks5://\u0445ample.com:1", "link.lookalike"),
        ("socks4://u:p@h.example:1", "link.socks4_password"),
        ("ss://YWVz@h.example:1", "link.no_method"),
        ("ss://%%%@h.example:1", "link.base64.password"),
        ("ss://cmM0LW1kNTpwdw@h.example:1", "link.method"),
        ("ss://YWVzLTI1Ni1nY206cHcx@h.example:1?plugin=v2ray-plugin", "link.plugin"),
        ("ss://2022-blake3-aes-256-gcm:AAAA@h.example:1", "link.key_size"),
        ("trojan://h.example:443", "link.no_password"),
        ("vless://no-es-uuid@h.example:443", "link.uuid"),
        ("vmess://bm8=", "link.json"),
        (
            f"vmess://{base64.b64encode(json.dumps({'add': 'a.example', 'port': 1, 'id': UUID, 'aid': 64}).encode()).decode()}",
            "link.alter_id",
        ),
        ("tg://resolve?domain=x", "link.telegram"),
        ("tg://proxy?server=h.example&port=1", "link.no_secret"),
        ("tg://proxy?server=h.example&port=1&secret=abcd", "link.secret_size"),
        ("https://signal.tube/", "link.no_host"),
        ("socks5://h.example:1#" + "x" * MAX_LINK, "link.too_long"),
        ("socks5://a.example|socks5://b.example|socks5://c.example", "link.chain_length"),
        ("socks5://a.example|hy2://pw@b.example", "link.chain_kind"),
        ("ssconf://a.example/x|socks5://b.example", "link.chain_kind"),
        ("a.example:1|socks5://b.example", "link.chain_kind"),
        ("socks5://a.example|socks5://b.example:0", "link.port"),
        ("socks5://a.example:0|socks5://b.example", "link.port"),
        ("|socks5://b.example", "link.empty"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_that_names_the_part(text: str, why: str) -> None:
    with pytest.raises(LinkError) as caught:
        parse_link(text)
    assert caught.value.text == why
    assert t(caught.value.text, **caught.value.values).endswith(".")


SECRETS = ("hunter2", "usuario-secreto")


@pytest.mark.parametrize(
    "text",
    [
        "socks5://usuario-secreto:hunter2@h.example:99999",
        "h.example:x:usuario-secreto:hunter2",
        "ss://hunter2hunter2@h.example:1",
        "trojan://hunter2@:443",
        "vless://hunter2@h.example:443",
        "tg://proxy?server=h.example&port=1&secret=hunter2",
        "hunter2://usuario-secreto@h.example",
    ],
)
def test_an_error_repeats_nothing_secret(text: str) -> None:
    with pytest.raises(LinkError) as caught:
        parse_link(text)
    said = str(caught.value) + t(caught.value.text, **caught.value.values)
    assert "usuario-secreto" not in said
    assert "hunter2" not in said or caught.value.text == "link.scheme"  # what stands before :// is no secret


def test_a_link_and_its_secrets_never_print() -> None:
    link = parse_link("socks5://usuario-secreto:hunter2@privado.example:1")
    shown = f"{link} {link!r} {link.secret} {link.secret!r} {link.secret:>5} {[link.user]} {vars(LinkError('link.port'))}"
    assert not any(each in shown for each in (*SECRETS, "privado"))
    with pytest.raises(TypeError):
        pickle.dumps(link.secret)


def test_the_id_tells_proxies_apart_and_does_not_depend_on_their_name() -> None:
    first, renamed, other = (parse_link(f"socks5://u:{p}@h.example:1#{n}") for p, n in (("a", "x"), ("a", "y"), ("b", "x")))
    assert first.id == renamed.id != other.id
    assert first.id.startswith("socks5-")


# --- properties --------------------------------------------------------------------------------------

PLAIN = [Kind.HTTP, Kind.HTTPS, Kind.SOCKS5, Kind.SOCKS5H, Kind.AUTO]
WITH_UUID = [Kind.VLESS, Kind.VMESS]
HOSTS = st.one_of(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,6}){1,2}", fullmatch=True), st.ip_addresses().map(str))
PRINTED = st.characters(exclude_categories=["C"])
WORDS = st.text(PRINTED, max_size=20)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20).map(clean_name)
PLACES = {"host": HOSTS, "port": st.integers(1, 65535)}
HIDDEN = WORDS.map(Secret)
FILLED = st.text(PRINTED, min_size=1, max_size=20).map(Secret)
IDS = st.uuids().map(lambda each: Secret(str(each)))
TEXT_OPTIONS = st.dictionaries(st.sampled_from(["sni", "host", "path", "type", "security"]), FILLED, max_size=3)


def shadowsocks() -> st.SearchStrategy[Link]:
    def of(method: str) -> st.SearchStrategy[Link]:
        size = KEY_SIZES[method]
        key = st.binary(min_size=size, max_size=size).map(lambda raw: Secret(base64.b64encode(raw).decode()))
        return st.builds(
            Link, kind=st.just(Kind.SHADOWSOCKS), method=st.just(method), name=NAMES, **PLACES, secret=key if "2022" in method else FILLED
        )

    return st.sampled_from(sorted(KEY_SIZES)).flatmap(of)


ANY_LINK = st.one_of(
    st.builds(
        Link,
        kind=st.sampled_from([Kind.HTTP, Kind.HTTPS, Kind.SOCKS5, Kind.SOCKS5H, Kind.AUTO]),
        user=HIDDEN,
        secret=HIDDEN,
        name=NAMES,
        **PLACES,
    ),
    st.builds(Link, kind=st.sampled_from([Kind.SOCKS4, Kind.SOCKS4A]), user=HIDDEN, name=NAMES, **PLACES),
    shadowsocks(),
    st.builds(
        Link,
        kind=st.sampled_from([Kind.TROJAN, Kind.HYSTERIA2]),
        secret=FILLED,
        options=TEXT_OPTIONS,
        name=NAMES,
        insecure=st.booleans(),
        **PLACES,
    ),
    st.builds(Link, kind=st.just(Kind.TUIC), user=IDS, secret=HIDDEN, options=TEXT_OPTIONS, name=NAMES, **PLACES),
    st.builds(
        Link, kind=st.sampled_from([Kind.VLESS, Kind.VMESS]), secret=IDS, options=TEXT_OPTIONS, name=NAMES, insecure=st.booleans(), **PLACES
    ),
    st.builds(Link, kind=st.just(Kind.MTPROTO), secret=st.binary(min_size=16, max_size=16).map(lambda raw: Secret(raw.hex())), **PLACES),
    st.builds(Link, kind=st.just(Kind.SIGNAL), **PLACES),
)


CHAINABLE_LINK = ANY_LINK.filter(lambda link: link.kind in CHAINABLE)


@given(CHAINABLE_LINK, CHAINABLE_LINK)
def test_a_chain_that_is_written_reads_the_same_again(first: Link, second: Link) -> None:
    chain = msgspec.structs.replace(second, first=msgspec.structs.replace(first, name=""))
    assert parse_link(format_link(chain)) == chain
    assert chain.id != second.id


@given(ANY_LINK)
def test_a_link_that_is_written_reads_the_same_again(link: Link) -> None:
    assert parse_link(format_link(link)) == link


SCHEMES = [*PLAIN_SCHEMES, "ss", "vmess", "vless", "trojan", "hy2", "tuic", "tg", "sgnl", "ssconf", "whatsapp"]
GARBAGE = st.one_of(
    st.text(max_size=60),
    st.builds("{}://{}".format, st.sampled_from(SCHEMES), st.text(max_size=60)),
    st.builds("{}://{}".format, st.sampled_from(SCHEMES), st.text(string.printable, max_size=60)),
    st.builds("vmess://{}".format, st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())),
    st.builds("ss://{}@{}".format, st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode()), st.text(max_size=20)),
)


@given(GARBAGE)
@example("http://[")
@example("sgnl://[")
@example("tg://proxy?" + "&" * 80)
@example("ss://[::1]:1#\ud800")
def test_garbage_raises_nothing_but_link_errors(text: str) -> None:
    try:
        link = parse_link(text)
    except LinkError as error:
        t(error.text, **error.values)  # raises for a sentence that is missing
    else:
        assert parse_link(format_link(link)) == link


# --- what is pasted ------------------------------------------------------------------------------------


def test_a_chat_message_with_several_links_is_taken_apart() -> None:
    links = "ss://YWVzLTI1Ni1nY206cHcx@h.example:8403#N, y https://t.me/socks?server=1.2.3.4&port=1080"
    text = f"Prueba estos:\n{links}\n 5.6.7.8:3128:u:p\n\nnada"
    found = read_links(text)
    assert [link.kind for link in found.links] == [Kind.SHADOWSOCKS, Kind.SOCKS5H, Kind.AUTO]
    assert [each.number for each in found.unread] == [1, 5]


def test_a_subscription_is_opened() -> None:
    lines = [f"trojan://pw{n}@h{n}.example:443#n{n}" for n in range(30)]
    coded = base64.b64encode("\n".join([*lines, lines[0]]).encode()).decode()
    for text in (coded, "\n".join(coded[i : i + 60] for i in range(0, len(coded), 60))):
        found = read_links(text)
        assert (len(found.links), found.duplicates, found.unread) == (30, 1, ())


@given(st.text(max_size=300))
def test_nothing_that_is_pasted_can_raise(text: str) -> None:
    read_links(text)
    read_links(base64.b64encode(text.encode("utf-8", "replace")).decode())
