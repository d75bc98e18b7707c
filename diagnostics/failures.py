"""Foreign errors to OONI's failure strings, in one table.

The strings are those of ooni/spec data format df-007 (2025-06); they are our ``failure`` values and the export format.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

from diagnostics.model import Observation

TIMEOUT: Final = "generic_timeout_error"  # our own deadline expired
INTERRUPTED: Final = "interrupted"  # cancelled by the person
EOF: Final = "eof_error"
RESET: Final = "connection_reset"
UNREACHABLE: Final = "host_unreachable"
REFUSED: Final = "connection_refused"
NXDOMAIN: Final = "dns_nxdomain_error"
NO_ANSWER: Final = "dns_no_answer"
BOGON: Final = "dns_bogon_error"
DNS_REFUSED: Final = "dns_refused_error"
DNS_SERVFAIL: Final = "dns_servfail_error"
DNS_MISBEHAVING: Final = "dns_server_misbehaving"
WRONG_NAME: Final = "ssl_invalid_hostname"
UNKNOWN_AUTHORITY: Final = "ssl_unknown_authority"
INVALID_CERTIFICATE: Final = "ssl_invalid_certificate"
FAILED_HANDSHAKE: Final = "ssl_failed_handshake"
HTTP_FAILED: Final = "http_request_failed"
BAD_REDIRECT: Final = "http_invalid_redirect_location_host"
WRONG_ANSWER: Final = "unknown_failure: wrong answer"  # df-007 has no word for another protocol than its own

_BY_ERRNO: Final[dict[int, str]] = {
    errno.EAFNOSUPPORT: "address_family_not_supported",
    errno.EADDRINUSE: "address_in_use",
    errno.EADDRNOTAVAIL: "address_not_available",
    errno.EISCONN: "already_connected",
    errno.EFAULT: "bad_address",
    errno.EBADF: "bad_file_descriptor",
    errno.ECONNABORTED: "connection_aborted",
    errno.ECONNREFUSED: REFUSED,
    errno.EALREADY: "connection_already_in_progress",
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,  # written after the peer's reset: the same event seen a moment later
    errno.EDESTADDRREQ: "destination_address_required",
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.EINTR: INTERRUPTED,
    errno.EINVAL: "invalid_argument",
    errno.EMSGSIZE: "message_size",
    errno.ENETDOWN: "network_down",
    errno.ENETRESET: "network_reset",
    errno.ENETUNREACH: "network_unreachable",
    errno.ENOBUFS: "no_buffer_space",
    errno.ENOPROTOOPT: "no_protocol_option",
    errno.ENOTSOCK: "not_a_socket",
    errno.ENOTCONN: "not_connected",
    errno.EWOULDBLOCK: "operation_would_block",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",  # what Linux says for a packet that a local filter refused
    errno.EPROTONOSUPPORT: "protocol_not_supported",
    errno.ETIMEDOUT: "timed_out",  # the kernel's own limit, not ours
    errno.EPROTOTYPE: "wrong_protocol_type",
}

_WINSOCK: Final[dict[int, str]] = {
    10047: "address_family_not_supported",
    10048: "address_in_use",
    10049: "address_not_available",
    10056: "already_connected",
    10014: "bad_address",
    10009: "bad_file_descriptor",
    10053: "connection_aborted",
    10061: REFUSED,
    10037: "connection_already_in_progress",
    10054: RESET,
    10039: "destination_address_required",
    10065: UNREACHABLE,
    10004: INTERRUPTED,
    10022: "invalid_argument",
    10040: "message_size",
    10050: "network_down",
    10052: "network_reset",
    10051: "network_unreachable",
    10055: "no_buffer_space",
    10042: "no_protocol_option",
    10038: "not_a_socket",
    10057: "not_connected",
    10035: "operation_would_block",
    10013: "permission_denied",
    10043: "protocol_not_supported",
    10060: "timed_out",
    10041: "wrong_protocol_type",
    1225: REFUSED,  # ERROR_CONNECTION_REFUSED: the proactor's number for the same refusal
    64: RESET,  # ERROR_NETNAME_DELETED
    121: "timed_out",  # ERROR_SEM_TIMEOUT
    1231: "network_unreachable",
    1232: "host_unreachable",
}
"""The standard Winsock numbers; the last five are what overlapped I/O reports instead.  Not run on Windows yet."""

_GETADDRINFO: Final[dict[int, str]] = {
    socket.EAI_NONAME: NXDOMAIN,
    socket.EAI_AGAIN: "dns_temporary_failure",
    socket.EAI_FAIL: "dns_non_recoverable_failure",
    11001: NXDOMAIN,
    11002: "dns_temporary_failure",
    11003: "dns_non_recoverable_failure",
    11004: NO_ANSWER,
}
if hasattr(socket, "EAI_NODATA"):  # absent on macOS
    _GETADDRINFO[socket.EAI_NODATA] = NO_ANSWER

_UNKNOWN_CA_CODES: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_NAME_CODES: Final = frozenset({62, 63, 64})
"""OpenSSL verify codes: 2/20/21 no local issuer, 18/19 self-signed; 62-64 name, e-mail or address mismatch."""


class ProtocolError(OSError):
    """A peer sent what its protocol does not allow; ``failure`` is the string to record."""

    def __init__(self, failure: str, message: str) -> None:
        """Keep the failure string beside the message."""
        super().__init__(message)
        self.failure = failure


def reason_of(error: ssl.SSLError) -> str:
    """Return OpenSSL's word for an error, "" without one.

    Libraries that stand in for Python's ``ssl`` may leave ``reason`` out and end their message with the word:
    ``error:1000042e:SSL routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION``.
    """
    word = getattr(error, "reason", None) or str(error.args[-1] if error.args else "").rpartition(":")[2]
    return word if word.isascii() and word.replace("_", "").isalnum() and word.isupper() else ""


def of_tls(error: ssl.SSLError) -> str:
    """Return the failure string of an error of the TLS layer (OpenSSL 3.0 reasons)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code in _WRONG_NAME_CODES:
            return WRONG_NAME
        return UNKNOWN_AUTHORITY if code in _UNKNOWN_CA_CODES else INVALID_CERTIFICATE
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return EOF
    reason = reason_of(error)
    if reason == "TLSV1_UNRECOGNIZED_NAME":
        return WRONG_NAME
    if reason == "TLSV1_ALERT_UNKNOWN_CA":
        return UNKNOWN_AUTHORITY
    if "CERTIFICATE" in reason:
        return INVALID_CERTIFICATE
    return EOF if reason == "UNEXPECTED_EOF_WHILE_READING" else FAILED_HANDSHAKE


def failure_of(error: BaseException) -> str:
    """Return OONI's failure string for an error that a network step raised."""
    if isinstance(error, ProtocolError):
        return error.failure
    if isinstance(error, ssl.SSLError):
        return of_tls(error)
    if isinstance(error, socket.gaierror):
        return _GETADDRINFO.get(error.errno or 0, DNS_MISBEHAVING)
    if isinstance(error, OSError):
        number = getattr(error, "winerror", None)
        known = _WINSOCK.get(number) if number else _BY_ERRNO.get(error.errno or 0)
        if known:
            return known
        if isinstance(error, TimeoutError):
            return TIMEOUT
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            return RESET
    if isinstance(error, EOFError):
        return EOF
    return f"unknown_failure: {type(error).__name__}"


DEATHS: Final = frozenset({RESET, EOF, TIMEOUT, FAILED_HANDSHAKE, "timed_out", "connection_aborted"})
"""How a handshake or request dies when somebody cuts it."""

CERTIFICATE_FAILURES: Final = frozenset({WRONG_NAME, UNKNOWN_AUTHORITY, INVALID_CERTIFICATE})


def died(observation: Observation) -> bool:
    """Tell whether a handshake was cut, rather than ended by us for its certificate: an alert of the other side cuts too."""
    by_alert = observation.failure in CERTIFICATE_FAILURES and "verify_code" not in observation.detail
    return observation.failure in DEATHS or by_alert
