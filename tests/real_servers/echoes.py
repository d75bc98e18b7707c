"""An authoritative name server that tells who asks it, and the networks of addresses: what the checks of a VPN ask.

``python -m tests.real_servers.echoes ADDRESS FILE`` answers over UDP at port 53 until it is ended.  FILE is JSON: ``hosts`` (name: its
addresses) and ``networks`` (prefix: number, country, operator).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
from pathlib import Path
from typing import Any, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

WHOAMI = {"whoami.v4.powerdns.org": "A", "whoami.akamai.net": "A", "o-o.myaddr.l.google.com": "TXT", "resolver.dnscrypt.info": "TXT"}


class Authority(asyncio.DatagramProtocol):
    """Answers for everything."""

    def __init__(self, facts: dict[str, Any]) -> None:
        """Know the hosts and networks."""
        self._hosts: dict[str, list[str]] = facts["hosts"]
        self._networks: dict[str, list[Any]] = facts["networks"]
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # not its subclass in Python 3.11

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question; bytes that are none are dropped."""
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        assert self._transport is not None
        self._transport.sendto(self.answer(query, addr[0]).to_wire(), addr)

    def answer(self, query: dns.message.Message, asker: str) -> dns.message.Message:
        """Return the reply to a question of ``asker``."""
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        found = self._records(name, kind, asker)
        if name == "dnssec-failed.org":
            reply.set_rcode(dns.rcode.SERVFAIL)  # what a resolver that validates would make of it
        elif found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif found:
            reply.answer.append(dns.rrset.from_text_list(question.name, 0, "IN", kind, found))
        return reply

    def _records(self, name: str, kind: str, asker: str) -> list[str] | None:
        if name in WHOAMI:
            said = f'"Resolver IP: {asker}"' if name == "resolver.dnscrypt.info" else f'"{asker}"'
            other = ['"edns0-client-subnet 186.88.1.0/24"'] if name == "o-o.myaddr.l.google.com" else []
            return ([asker] if kind == "A" else [said, *other]) if kind == WHOAMI[name] else []
        if name == "qnamemintest.internet.nl":
            return ['"HOORAY - QNAME minimisation is enabled on your resolver :)!"'] if kind == "TXT" else []
        if name.endswith(".cymru.com"):
            return self._network(name) if kind == "TXT" else []
        addresses = self._hosts.get(name)
        return None if addresses is None else [a for a in addresses if (":" in a) == (kind == "AAAA") and kind in ("A", "AAAA")]

    def _network(self, name: str) -> list[str] | None:
        if name.startswith("as"):
            number = name.partition(".")[0].removeprefix("as")
            found = next((each for each in self._networks.values() if str(each[0]) == number), None)
            return [f'"{number} | {found[1]} | ripencc | 2001-01-01 | {found[2]}, {found[1]}"'] if found else None
        six = ".origin6." in name
        labels = name.split(".origin", maxsplit=1)[0].split(".")[::-1]
        text = ":".join("".join(labels[n : n + 4]) for n in range(0, 32, 4)) if six else ".".join(labels)
        address = ipaddress.ip_address(text)
        for prefix, (number, country, _) in self._networks.items():
            if address in ipaddress.ip_network(prefix):
                return [f'"{number} | {prefix} | {country} | ripencc | 2001-01-01"']
        return None


async def main(address: str, facts: dict[str, Any]) -> None:
    """Answer for as long as the program runs."""
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Authority(facts), local_addr=(address, 53))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))))
