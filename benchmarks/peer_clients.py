"""What a user could take instead: each fetches the addresses of a file and prints one JSON object.

``python benchmarks/peer_clients.py NAME FILE`` with the names in ``PEERS``.  It runs in an environment that has nothing of
this project in it, is told by SSL_CERT_FILE whom to trust, and gives every step the five seconds that people usually give.
``wall`` is in seconds from after the imports, ``cpu`` in seconds of the whole process, ``peak_kib`` its largest resident set and
``reached`` the seconds to the page of each address that answered with one.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pycurl

PATIENCE = 5.0
"""Seconds, for connecting and for the whole."""

THREADS = 40
AT_ONCE = 300
"""Transfers at a time: the most that curl allows."""

GOOD_BELOW = 400
"""HTTP statuses below it are a page."""

Fetched = tuple[float, dict[str, float]]
"""Seconds that the whole took, and until each page."""


def by_curl(urls: list[str]) -> Fetched:
    """Fetch with one ``curl --parallel``; its times are its own, from the beginning of each transfer."""
    listed = "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
    told = "%{exitcode} %{http_code} %{time_total} %{url}\n"
    words = [
        "curl",
        "--silent",
        "--parallel",
        "--parallel-max",
        str(AT_ONCE),
        "--connect-timeout",
        str(PATIENCE),
        "--max-time",
        str(PATIENCE),
    ]
    began = time.perf_counter()
    done = subprocess.run([*words, "--write-out", told, "--config", "-"], input=listed, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    lines = [line.split() for line in done.stdout.splitlines()]
    if len(lines) != len(urls):
        raise RuntimeError(f"curl told of {len(lines)} addresses: {done.stderr[-500:]}")
    return wall, {url: float(seconds) for code, status, seconds, url in lines if code == "0" and int(status) < GOOD_BELOW}


def by_requests(urls: list[str]) -> Fetched:
    """Fetch with requests in threads."""
    from concurrent.futures import ThreadPoolExecutor

    import requests

    reached: dict[str, float] = {}
    began = time.perf_counter()

    def fetch(url: str) -> None:
        try:
            answer = requests.get(url, timeout=PATIENCE, verify=os.environ["SSL_CERT_FILE"])
        except requests.RequestException:
            return
        if answer.status_code < GOOD_BELOW:
            reached[url] = time.perf_counter() - began

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fetch, urls))
    return time.perf_counter() - began, reached


def by_httpx(urls: list[str]) -> Fetched:
    """Fetch with one asynchronous httpx client."""
    import asyncio
    import ssl

    import httpx

    reached: dict[str, float] = {}

    async def fetch_all() -> float:
        began = time.perf_counter()
        trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        places = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(verify=trust, timeout=PATIENCE, limits=httpx.Limits(max_connections=None)) as client:

            async def fetch(url: str) -> None:
                async with places:
                    try:
                        answer = await client.get(url)
                    except httpx.HTTPError:
                        return
                    if answer.status_code < GOOD_BELOW:
                        reached[url] = time.perf_counter() - began

            await asyncio.gather(*map(fetch, urls))
        return time.perf_counter() - began

    return asyncio.run(fetch_all()), reached


def by_pycurl(urls: list[str]) -> Fetched:
    """Fetch with libcurl's multi interface."""
    import pycurl

    reached: dict[str, float] = {}
    waiting = urls[::-1]
    multi = pycurl.CurlMulti()
    running: dict[pycurl.Curl, str] = {}
    began = time.perf_counter()

    def end(transfer: pycurl.Curl, *, good: bool) -> None:
        url = running.pop(transfer)
        if good and transfer.getinfo(pycurl.RESPONSE_CODE) < GOOD_BELOW:
            reached[url] = time.perf_counter() - began
        multi.remove_handle(transfer)
        transfer.close()

    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            transfer = pycurl_transfer(waiting[-1])
            running[transfer] = waiting.pop()
            multi.add_handle(transfer)
        multi.perform()
        left = 1
        while left:
            left, good, bad = multi.info_read()
            for transfer in good:
                end(transfer, good=True)
            for transfer, _number, _text in bad:
                end(transfer, good=False)
        if running:
            multi.select(0.1)
    return time.perf_counter() - began, reached


def pycurl_transfer(url: str) -> pycurl.Curl:
    """Return a transfer of one address, not begun."""
    import pycurl

    transfer = pycurl.Curl()
    options = {
        pycurl.URL: url,
        pycurl.CONNECTTIMEOUT_MS: int(PATIENCE * 1000),
        pycurl.TIMEOUT_MS: int(PATIENCE * 1000),
        pycurl.NOSIGNAL: 1,
        pycurl.CAINFO: os.environ["SSL_CERT_FILE"],
        pycurl.WRITEFUNCTION: lambda _data: None,
    }
    for option, value in options.items():
        transfer.setopt(option, value)
    return transfer


PEERS: dict[str, Callable[[list[str]], Fetched]] = {"curl": by_curl, "requests": by_requests, "httpx": by_httpx, "pycurl": by_pycurl}


def own_peak() -> int:
    """Return this process's largest resident set, KiB; ``ru_maxrss`` would count the process that started it."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))[0])


def main() -> None:
    """Fetch, and print what it took."""
    name, file = sys.argv[1:]
    wall, reached = PEERS[name](Path(file).read_text(encoding="utf-8").split())
    spent = resource.getrusage(resource.RUSAGE_CHILDREN if name == "curl" else resource.RUSAGE_SELF)
    peak = spent.ru_maxrss if name == "curl" else own_peak()
    print(json.dumps({"wall": wall, "cpu": spent.ru_utime + spent.ru_stime, "peak_kib": peak, "reached": reached}))


if __name__ == "__main__":
    main()
