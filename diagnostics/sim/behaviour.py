"""What lines, censors and servers of a simulated network do: the words of a scenario."""

from __future__ import annotations

import enum


class Dns(enum.StrEnum):
    """What becomes of a question for a name."""

    ALLOW = "allow"  # exempted: rules further down do not apply
    BOGON = "bogon"  # an address that cannot be public (default 127.0.0.1)
    NXDOMAIN = "nxdomain"
    REFUSED = "refused"
    SERVFAIL = "servfail"
    EMPTY = "empty"  # no error and no address
    ADDRESS = "address"  # another address: `answer`, a literal or a host of the scenario
    SILENCE = "silence"
    RACE = "race"  # a forged answer first, the true one later
    GARBAGE = "garbage"  # the header of an answer, and names that point to themselves


class DnsScope(enum.StrEnum):
    """Whose answers are false."""

    SYSTEM = "system"  # the provider's resolvers lie
    ALL_PLAIN = "all-plain"  # every clear-text question that passes is forged


class Tcp(enum.StrEnum):
    """What becomes of a connection to an address (and of UDP to it, unless it is reset)."""

    ALLOW = "allow"
    REFUSED = "refused"
    SILENCE = "silence"
    RESET = "reset"  # accepted, then reset
    UNREACHABLE = "unreachable"  # a router says so


class Tls(enum.StrEnum):
    """What becomes of a TLS handshake."""

    ALLOW = "allow"
    RESET = "reset"
    SILENCE = "silence"
    CLOSE = "close"
    ALERT = "alert"  # a forged handshake_failure
    INTERCEPT = "intercept"  # answered with a certificate of `issuer`


class Sees(enum.StrEnum):
    """How much of a connection a censor puts together before it looks for a name in it."""

    PACKET = "packet"  # every packet by itself
    RECORD = "record"  # packets are put together, and the first TLS record is read
    STREAM = "stream"  # packets are put together, and searched for the name
    MESSAGE = "message"  # records are put together as well


class Udp(enum.StrEnum):
    """What becomes of datagrams to an address, whatever becomes of connections to it."""

    ALLOW = "allow"
    SILENCE = "silence"


class Mtproto(enum.StrEnum):
    """What becomes of a connection to a data centre of Telegram once its first bytes have passed."""

    ALLOW = "allow"
    RESET = "reset"
    SILENCE = "silence"
    CLOSE = "close"


class Http(enum.StrEnum):
    """What becomes of a clear-text request."""

    ALLOW = "allow"
    BLOCK_PAGE = "block-page"
    REDIRECT = "redirect"  # 302 to `location`
    RESET = "reset"
    CLOSE = "close"


class Where(enum.StrEnum):
    """By what a TLS or HTTP rule knows its prey."""

    SNI = "sni"  # the name that is said: the server name, or Host; whatever the address
    ADDRESS = "address"  # the address that is dialled, whatever the name


class Link(enum.StrEnum):
    """The state of the line."""

    UP = "up"
    NONE = "none"  # no network: every send fails at once
    SILENT = "silent"  # connected, but everything is swallowed


class Ipv6(enum.StrEnum):
    """The state of IPv6."""

    WORKS = "works"
    NONE = "none"  # no route
    DEAD = "dead"  # a route, and nothing ever comes back


class Certificate(enum.StrEnum):
    """Which certificate a site shows."""

    VALID = "valid"
    EXPIRED = "expired"  # a week ago
    SELF_SIGNED = "self-signed"
    WRONG_NAME = "wrong-name"
    OTHER_CA = "other-ca"  # issued by `issuer`, which no store knows


class Serves(enum.StrEnum):
    """What a site's web server sends."""

    PAGE = "page"
    ENDLESS_HEADERS = "endless-headers"
    HUGE_BODY = "huge-body"  # 1 GiB, made as it is sent
    REDIRECT_LOOP = "redirect-loop"
    REDIRECT_CHAIN = "redirect-chain"  # three times 303, then the page
    SLOW = "slow"  # one byte a second
    GARBAGE = "garbage"  # not HTTP
    SILENCE = "silence"
