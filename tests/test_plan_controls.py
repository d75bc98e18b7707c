"""A run's controls are nobody whom the run tests, and risky services are tested only when somebody picks them."""

from __future__ import annotations

import pytest

from diagnostics.catalog import Catalog, load_catalog
from diagnostics.controls import chosen
from diagnostics.plan import make_plan


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog()


def test_nobody_tests_a_sensitive_service_without_naming_it(shipped: Catalog) -> None:
    assert [s.id for s in make_plan([], [], shipped).targets] == ["x", "whatsapp", "telegram", "signal"]
    assert [s.id for s in make_plan(["tor"], [], shipped).targets] == ["tor"]


@pytest.mark.parametrize(
    "targets,urls,absent",
    [
        (["wikipedia"], [], {"Wikimedia"}),
        (["youtube"], [], {"Google"}),
        (["google", "wikipedia"], [], {"Google", "Wikimedia"}),
        ([], ["https://de.wikipedia.org/wiki/Berlin"], {"Wikimedia"}),
        ([], ["https://bugs.debian.org/"], {"Debian"}),
        (["x", "whatsapp"], [], set()),
    ],
)
def test_a_control_of_a_targets_operator_is_not_asked(shipped: Catalog, targets: list[str], urls: list[str], absent: set[str]) -> None:
    controls = make_plan(targets, urls, shipped).controls
    asked = {c.operator for c in chosen(controls)}
    assert not asked & absent
    assert all(len({c.operator for c in controls if c.kind == kind}) >= 2 for kind in ("portal", "https"))


def test_the_default_run_keeps_every_control_in_its_order(shipped: Catalog) -> None:
    assert make_plan([], [], shipped).controls == shipped.controls


def test_a_run_of_everybodys_sites_still_has_controls_of_two_operators(shipped: Catalog) -> None:
    controls = make_plan([], [f"https://{c.host}/" for c in shipped.controls], shipped).controls
    assert {c.kind for c in controls} == {c.kind for c in shipped.controls}
    assert len({c.operator for c in chosen(controls) if c.kind == "https"}) >= 2


def test_a_harmless_name_is_not_swapped_in_for_itself(shipped: Catalog) -> None:
    neutral = [c.host for c in make_plan([], ["https://example.org/"], shipped).controls if c.kind == "neutral"]
    assert neutral == ["example.com", "iana.org"]
