"""Network namespaces: made, joined, entered and removed; nothing touches the machine's own network."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = "atajo-lab"
ETC = Path("/etc/netns")
RUN = Path("/run/netns")


@dataclass(frozen=True)
class Line:
    """What a link does to packets: ``rtt`` seconds there and back; each way the share lost (by ``seed``), ``rate`` bytes a second."""

    rtt: float = 0.0
    loss: float = 0.0
    seed: int = 2
    rate: float = 0.0


IDEAL = Line()


def command(*words: str, text: str | None = None) -> str:
    """Run a tool to its end and return what it printed.  Raises RuntimeError with what it complained about."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        message = f"{' '.join(words)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}"
        raise RuntimeError(message)
    return done.stdout


class Namespace:
    """One network namespace with its own /etc files."""

    def __init__(self, tag: str, role: str) -> None:
        """Make the namespace ``atajo-lab-PID-TAG-ROLE``; ``tag`` tells the laboratories of one process apart."""
        self.name = f"{PREFIX}-{os.getpid()}-{tag}-{role}"
        command("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str, text: str | None = None) -> str:
        """Run ``ip`` on this namespace; with ``text`` the commands of an ``-batch``."""
        if text is not None:
            words = ("-batch", "-", *words)
        return command("ip", "-n", self.name, *words, text=text)

    def sysctl(self, key: str, value: str) -> None:
        """Set a kernel parameter of this namespace."""
        path = "/proc/sys/" + key.replace(".", "/")
        command(*self.wrap("sh", "-c", f"echo {value} > {path}"))

    def wrap(self, *words: str) -> list[str]:
        """Return the command line that runs ``words`` inside; its process keeps its id and dies with its parent."""
        return ["ip", "netns", "exec", self.name, "setpriv", "--pdeathsig", "TERM", *words]

    def write_etc(self, **files: str) -> None:
        """Lay files over /etc for programs inside (``_`` in a keyword stands for a dot)."""
        folder = ETC / self.name
        folder.mkdir(parents=True, exist_ok=True)
        for key, text in files.items():
            (folder / key.replace("_", ".")).write_text(text)

    def write_store(self, roots: str | None) -> None:
        """Lay a store of root certificates (PEM) over /etc/ssl for programs inside; None lets the machine's own be seen."""
        folder = ETC / self.name / "ssl"
        if roots is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            (folder / "certs").mkdir(parents=True, exist_ok=True)
            (folder / "certs" / "ca-certificates.crt").write_text(roots)

    def remove(self) -> None:
        """Remove the namespace and its files."""
        remove(self.name)


def remove(name: str) -> None:
    """Remove a namespace of the laboratory by name, with its /etc files."""
    with contextlib.suppress(RuntimeError):  # gone already: the wish is fulfilled
        command("ip", "netns", "del", name)
    shutil.rmtree(ETC / name, ignore_errors=True)


def sweep() -> None:
    """Remove what killed laboratories left behind: namespaces and files whose process no longer exists."""
    left = {path.name for folder in (RUN, ETC) if folder.is_dir() for path in folder.iterdir()}
    for name in left:
        owner = name.removeprefix(f"{PREFIX}-").split("-")[0]
        if name.startswith(f"{PREFIX}-") and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            remove(name)


def join(a: Namespace, device_a: str, b: Namespace, device_b: str, line: Line) -> list[str] | None:
    """Join two namespaces by a link, devices down and without addresses.

    An ideal line is a pair of virtual Ethernet devices.  Any other is a pair of TUN devices, and the returned command
    has to run for as long as the link shall exist: it carries the packets and delays or loses them.  (The usual means,
    netem, is missing in many kernels of virtual machines.)
    """
    if line == IDEAL:
        command("ip", "link", "add", device_a, "netns", a.name, "type", "veth", "peer", "name", device_b, "netns", b.name)
        return None
    for space, device in ((a, device_a), (b, device_b)):
        space.ip("tuntap", "add", "dev", device, "mode", "tun")
    return carrier(a, device_a, b, device_b, line)


def carrier(a: Namespace, device_a: str, b: Namespace, device_b: str, line: Line) -> list[str]:
    """Return the command that carries packets between two TUN devices."""
    program = Path(__file__).with_name("carrier.py")
    ends = (a.name, device_a, b.name, device_b)
    return [sys.executable, str(program), *ends, str(line.rtt / 2), str(line.loss), str(line.rate), str(line.seed)]


def set_up(space: Namespace, device: str, address: str, *, gateway: str | None = None) -> None:
    """Give a device its address and bring it up, with a default route by ``gateway``."""
    space.ip("addr", "replace", address, "dev", device)
    space.ip("link", "set", device, "up")
    if gateway:
        space.ip("route", "replace", "default", "via", gateway, "dev", device)


def missing_tools(tools: dict[str, str]) -> Sequence[str]:
    """Return the Debian packages of ``tools`` (program or file: package) that this machine lacks."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = (package for tool, package in tools.items() if not Path(tool).exists() and not shutil.which(tool, path=path))
    return sorted(set(absent))
