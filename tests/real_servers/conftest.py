"""The laboratory, built once for all tests that need it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from diagnostics.catalog import load_catalog
from tests.real_servers.lab import Lab

WHY_ROOT = "needs root for network namespaces"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here; a machine that has root must also have the tools, so their absence is a failure."""
    possible = sys.platform == "linux" and os.geteuid() == 0
    for item in items:
        if item.get_closest_marker("root") and not possible:
            item.add_marker(pytest.mark.skip(reason=WHY_ROOT))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Build the laboratory; it is removed after the last test, a failed or interrupted one too."""
    with Lab(load_catalog()) as built:
        yield built
