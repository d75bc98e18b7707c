"""The laboratory leaves nothing behind, whatever happens inside."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from diagnostics.catalog import load_catalog
from tests.real_servers import netns
from tests.real_servers.lab import Lab
from tests.real_servers.netns import ETC, PREFIX, RUN

pytestmark = pytest.mark.root


def traces() -> set[str]:
    """Return the names of this process's namespaces and of their /etc folders."""
    return {path.name for folder in (RUN, ETC) if folder.is_dir() for path in folder.glob(f"{PREFIX}-{os.getpid()}-*")}


def pids_in(namespace: str) -> list[str]:
    """Return the ids of the processes that live in a namespace."""
    return subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True).stdout.split()


def test_a_failing_test_or_ctrl_c_removes_namespaces_files_and_daemons() -> None:
    before = traces()
    with contextlib.suppress(KeyboardInterrupt), Lab(load_catalog()) as lab:
        inside = [pid for name in traces() - before for pid in pids_in(name)]
        folder = lab.folder
        raise KeyboardInterrupt
    assert len(inside) >= 5  # two unbounds, two nginxes (masters and workers), dnsdist
    assert not [pid for pid in inside if Path("/proc", pid).exists()]
    assert traces() == before
    assert not folder.exists()


def test_a_killed_laboratory_is_swept_up_by_the_next_one() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    left = f"{PREFIX}-{gone.pid}-tag-client"
    subprocess.run(["ip", "netns", "add", left], check=True)
    (ETC / left).mkdir(parents=True)
    netns.sweep()
    assert not (RUN / left).exists()
    assert not (ETC / left).exists()
