"""What this computer's network is called is read from the system, and nothing is asked of anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.probes.network_names import search_domains, wifi_names


def root_with(tmp_path: Path, name: str, text: str) -> Path:
    """Return the root of a system in which there is one file."""
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "text, found",
    [
        ("search perez.lan escuela.example.ve.\nnameserver 10.0.0.1\n", {"perez.lan", "escuela.example.ve"}),
        ("  domain\tcasa.example # from the router\n", {"casa.example"}),
        ("search .\n", set()),
        ("nameserver 10.0.0.1\noptions search domain\n", set()),
        ("", set()),
    ],
)
def test_the_domains_that_are_added_to_short_names_are_read(text: str, found: set[str], tmp_path: Path) -> None:
    assert search_domains(root_with(tmp_path, "etc/resolv.conf", text)) == found


def test_a_system_without_these_files_has_no_names(tmp_path: Path) -> None:
    assert search_domains(tmp_path) == frozenset()
    assert wifi_names(tmp_path) == frozenset()


def test_a_device_that_is_in_no_network_has_no_name(tmp_path: Path) -> None:
    header = "Inter-| sta-|   Quality\n face | tus | link\n"
    assert wifi_names(root_with(tmp_path, "proc/net/wireless", f"{header}nowlan0: 0000   54.  -56.\n")) == frozenset()
