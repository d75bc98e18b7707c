"""Observations as OONI's records: queries, tcp_connect, tls_handshakes, requests (OONI's data formats df-001, -002, -005 and -006).

A record holds what a step saw and no conclusion, except ``status.blocked``, which is set only for what a certain verdict names.  Keys
that begin with ``x_`` are ours; OONI's readers leave out what they do not know.  What was never recorded is null: the request's headers,
bodies (only their size, digest and title are kept) and certificates as they came (only what they say).

Steps that asked for something else than the target, to find out why it failed (another name at its address, its name at another
address, the way in clear text), are not its measurement: OONI's readers would count them as such.  They form records of their own.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Set
from typing import Any, Final, TypeAlias

from diagnostics.bogons import is_address
from diagnostics.model import Observation, Step

Record: TypeAlias = dict[str, Any]

OWN_PURPOSES: Final = frozenset({"target", "repeat"})
"""Purposes of steps that were the target's own measurement, the first time and again."""

SCRUBBED: Final = "[scrubbed]"
"""OONI's word for an address that was taken out."""

_RCODES: Final = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
"""RFC 1035, 4.1.1; others do not occur in answers to our questions and are left null."""

_RESOLVER_PORTS: Final = {"udp": 53, "tcp": 53, "dot": 853, "doh": 443}
_DECIMALS: Final = 4  # of a second, as in the report


class Records:
    """The four lists of one measurement, filled in the order in which the steps began."""

    def __init__(self, observations: Iterable[Observation], *, zero: float, blocked: Set[str] = frozenset()) -> None:
        """Write the records of a measurement that began at ``zero``; ``blocked`` names the connections of a certain verdict."""
        self._zero, self._blocked = zero, blocked
        self._transactions: dict[tuple[object, ...], int] = {}
        self._protocols: dict[int, str | None] = {}
        self._count = 0
        self.queries: list[Record] = []
        self.duplicates: list[Record] = []
        """Further answers to a question that differ from its first: one of them is not the resolver's."""
        self.tcp_connect: list[Record] = []
        self.tls_handshakes: list[Record] = []
        self.requests: list[Record] = []
        """Newest first, as OONI's are."""
        write = {Step.DNS: self._dns, Step.TCP: self._tcp, Step.TLS: self._tls, Step.HTTP: self._http}
        for observation in sorted(observations, key=lambda o: o.t):
            if observation.step in write:
                write[observation.step](observation)

    def lists(self) -> dict[str, list[Record]]:
        """Return the lists under the names of OONI's test keys."""
        return {"queries": self.queries, "tcp_connect": self.tcp_connect, "tls_handshakes": self.tls_handshakes, "requests": self.requests}

    # --- one step each --------------------------------------------------------------------------

    def _dns(self, observation: Observation) -> None:
        detail, engine = observation.detail, str(observation.detail.get("engine"))
        record = {
            "hostname": observation.host or "",
            "query_type": detail.get("query"),
            "engine": engine,
            "failure": observation.failure,
            "answers": _answers(detail.get("answers")),
            "resolver_address": None if engine == "getaddrinfo" else _place(observation.address, _RESOLVER_PORTS.get(engine, 53)),
            "raw_response": None,
            "rcode": _RCODES.get(str(detail.get("rcode"))),
            "getaddrinfo_error": None,
            **self._common(observation, self._next()),
        }
        record["tags"].append(f"resolver={detail.get('resolver')}")
        self.queries.append(record)
        for reply in _dicts(detail.get("replies")):
            if _answers(reply.get("answers")) != record["answers"]:
                after = reply.get("after")
                came = record["t0"] + (after if isinstance(after, int | float) else 0.0)
                self.duplicates.append(
                    {**record, "failure": None, "answers": _answers(reply.get("answers")), "t": round(came, _DECIMALS)}
                    | {"rcode": _RCODES.get(str(reply.get("rcode")))}
                )

    def _tcp(self, observation: Observation) -> None:
        transaction = self._transactions[_connection(observation)] = self._next()
        failed = observation.failure is not None
        status = {
            "success": not failed,
            "failure": observation.failure,
            "blocked": True if failed and observation.id in self._blocked else None,
        }
        address, port = _ip(observation.address), _port(observation)
        self.tcp_connect.append({"ip": address, "port": port, "status": status, **self._common(observation, transaction)})

    def _tls(self, observation: Observation) -> None:
        detail, transaction = observation.detail, self._joined(observation)
        cipher = detail.get("cipher")
        self._protocols[transaction] = detail.get("alpn")
        self.tls_handshakes.append(
            {
                "network": "tcp",
                "address": _place(observation.address, _port(observation)),
                "server_name": detail.get("server_name"),
                "failure": observation.failure,
                "negotiated_protocol": detail.get("alpn"),
                "tls_version": detail.get("version"),
                # OONI writes IANA's names; OpenSSL has them for TLS 1.3 only
                "cipher_suite": cipher if isinstance(cipher, str) and cipher.startswith("TLS_") else None,
                "no_tls_verify": False,
                "peer_certificates": None,
                "so_error": None,
                "x_certificate": detail.get("certificate"),
                **self._common(observation, transaction),
            }
        )

    def _http(self, observation: Observation) -> None:
        detail, transaction = observation.detail, self._joined(observation)
        self.requests.insert(
            0,
            {
                "network": "tcp",
                "address": _place(observation.address, _port(observation)),
                "alpn": self._protocols.get(transaction),
                "failure": observation.failure,
                "request": {"method": "GET", "url": detail.get("url"), "headers": {}, "headers_list": [], "body": None},
                "response": _response(detail),
                **self._common(observation, transaction),
            },
        )

    def _common(self, observation: Observation, transaction: int) -> Record:
        """Return what every record has; ``x_observation`` is the id that our verdicts name."""
        began = observation.t - self._zero
        return {
            "t0": round(began, _DECIMALS),
            "t": round(began + observation.seconds, _DECIMALS),
            "transaction_id": transaction,
            "tags": [f"purpose={observation.detail.get('purpose', 'target')}"],
            "x_observation": observation.id,
        }

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _joined(self, observation: Observation) -> int:
        """Return the transaction of the connection that a handshake or a request went over: the last one like it."""
        known = self._transactions.get(_connection(observation))
        if known is None:  # the report does not have its connection
            known = self._transactions[_connection(observation)] = self._next()
        return known


def _connection(observation: Observation) -> tuple[object, ...]:
    return observation.host, observation.address, observation.detail.get("port"), observation.detail.get("purpose")


def _port(observation: Observation) -> int:
    port = observation.detail.get("port")
    return port if isinstance(port, int) else 0


def _ip(address: str | None) -> str:
    return address if address and is_address(address) else SCRUBBED


def _place(address: str | None, port: int) -> str:
    shown = _ip(address)
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"


def _answers(addresses: object) -> list[Record]:
    texts = [text for text in addresses if isinstance(text, str)] if isinstance(addresses, list | tuple) else []
    return [
        {"answer_type": "AAAA", "ipv6": text, "ttl": None} if ":" in text else {"answer_type": "A", "ipv4": text, "ttl": None}
        for text in texts
    ]


def _dicts(values: object) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list | tuple) else []


def _response(detail: Mapping[str, Any]) -> Record | None:
    """Return the response, or None where none came."""
    if detail.get("status") is None:
        return None
    headers = detail.get("headers")
    listed = [[str(name), binary(str(value))] for name, value in sorted(headers.items())] if isinstance(headers, Mapping) else []
    return {
        "code": detail.get("status"),
        "headers": {name: value for name, value in listed if isinstance(value, str)},
        "headers_list": listed,
        "body": None,
        "body_is_truncated": True,  # it is not here
        "x_title": detail.get("title"),
        "x_body_bytes": detail.get("body_bytes"),
        "x_body_sha256": detail.get("body_sha256"),
        "x_complete": detail.get("complete"),
    }


def binary(text: str) -> str | Record:
    """Return a text as OONI writes it: as it is, or in Base64 where it is not UTF-8 (df-001, "MaybeBinaryData")."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return {"format": "base64", "data": base64.b64encode(_raw(text)).decode("ascii")}
    return text


def _raw(text: str) -> bytes:
    """Return the bytes that a text was read from: half characters stand for single bytes (PEP 383), or for themselves."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
