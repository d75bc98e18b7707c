"""What a person may type, and what becomes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.catalog import load_catalog
from diagnostics.errors import InputError
from diagnostics.model import Probe
from diagnostics.plan import DEFAULT_TARGETS, make_plan, site_of

CATALOG = load_catalog()


@pytest.mark.parametrize(
    "typed,url",
    [
        ("example.com", "https://example.com/"),
        ("  example.com  ", "https://example.com/"),
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a?b=c#d", "https://example.com/a?b=c"),
        ("example.com:8443/x", "https://example.com:8443/x"),
        ("https://español.example/ñ", "https://xn--espaol-zwa.example/%C3%B1"),
        ("https://[2606:4700::1]/", "https://[2606:4700::1]/"),
        ("192.0.2.7", "https://192.0.2.7/"),
    ],
)
def test_an_address_is_understood_the_way_people_type_it(typed: str, url: str) -> None:
    assert site_of(typed).id == url


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "http://", "https:///x", "ftp://example.com/", "javascript:alert(1)", "example", "exa mple.com", "example.com:0"),
        *("example.com:99999", "https://user:pw@example.com/", "https://-bad-.com/", "a" * 3000 + ".com", "https://ex\x00ample.com/"),
        *("https://[::1", "1.2.3", "999.1.1.1", "https://..", f"https://{'a' * 64}.com/", "mailto:someone@example.com"),
    ],
)
def test_what_is_no_web_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(InputError) as refused:
        site_of(typed)
    assert refused.value.text == "error.bad_url"


@given(st.text(max_size=200))
def test_no_typed_text_ends_in_anything_but_a_site_or_a_sentence(typed: str) -> None:
    try:
        site = site_of(typed)
    except InputError:
        return
    (endpoint,) = site.functions[0].endpoints
    assert endpoint.probe in (Probe.HTTP, Probe.HTTPS)
    assert endpoint.host.isascii()
    assert 0 < endpoint.port < 65536
    assert endpoint.path.isascii()
    assert endpoint.path.isprintable()
    assert " " not in endpoint.path


def test_without_targets_the_default_services_are_tested() -> None:
    assert tuple(t.id for t in make_plan([], [], CATALOG).targets) == DEFAULT_TARGETS


def test_a_site_alone_brings_no_services_along() -> None:
    assert [t.kind for t in make_plan([], ["example.com"], CATALOG).targets] == ["url"]


def test_a_target_named_twice_is_tested_once() -> None:
    assert [t.id for t in make_plan(["x", "X", "x"], ["example.com", "https://example.com/"], CATALOG).targets] == [
        "x",
        "https://example.com/",
    ]


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError) as refused:
        make_plan(["watsapp"], [], CATALOG)
    assert refused.value.text == "error.unknown_target"
    assert "whatsapp" in str(refused.value.values["known"])
    assert refused.value.values["close"] == "whatsapp"
