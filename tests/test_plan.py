"""What a person may type, and what becomes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.catalog import load_catalog
from diagnostics.errors import InputError
from diagnostics.model import Probe
from diagnostics.plan import DEFAULT_TARGETS, LONGEST_SHOWN, make_plan, site_of

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
    assert refused.value.text in ("error.bad_url", "error.url_secret")
    assert len(str(refused.value.values.get("url", ""))) <= LONGEST_SHOWN


@pytest.mark.parametrize(
    "typed",
    [
        *("https://marisol:s3cret@example.com/", "https://marisol:s3/cret@example.com/", "marisol:s3cret@example.com"),
        *("ftp://marisol:s3cret@example.com/", "https://marisol:s3cret@exa mple.com/", "https://marisol:s3@cret@example.com"),
    ],
)
def test_a_password_in_an_address_is_refused_and_never_repeated(typed: str) -> None:
    for ask in (lambda: site_of(typed), lambda: make_plan([typed], [], CATALOG)):
        with pytest.raises(InputError) as refused:
            ask()
        said = str(refused.value.values.get("url", "")) + str(refused.value.values.get("name", ""))
        assert not [secret for secret in ("marisol", "s3", "cret") if secret in said]
    with pytest.raises(InputError) as refused:
        site_of("https://marisol:s3cret@example.com/")
    assert refused.value.text == "error.url_secret"


def test_this_computer_can_be_tested_by_its_name_as_by_its_address() -> None:
    named, numbered = site_of("http://localhost:8080/a"), site_of("http://127.0.0.1:8080/a")
    assert named.functions == numbered.functions
    assert named.id == numbered.id
    assert named.name["es"] == "localhost"


def test_a_service_is_known_by_what_people_call_it() -> None:
    assert [t.id for t in make_plan(["twitter", "X"], [], CATALOG).targets] == ["x"]
    with pytest.raises(InputError) as refused:
        make_plan(["twiter"], [], CATALOG)
    assert refused.value.values["close"] == "x"


def test_no_other_name_means_two_services() -> None:
    assert not set(CATALOG.aliases) & set(CATALOG.services)
    assert set(CATALOG.aliases.values()) <= set(CATALOG.services)


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


def test_quotation_marks_in_a_typed_address_are_written_as_browsers_do() -> None:
    assert site_of('https://example.org/it\'s?q="<a>"').id == "https://example.org/it%27s?q=%22%3Ca%3E%22"
