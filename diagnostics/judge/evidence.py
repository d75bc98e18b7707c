"""The observations of a run, sorted for the rules; nothing here decides.

Words used by the rules:

* *system answers*: what this computer's resolver said for a name;
* *authenticated answers*: what resolvers said over TLS with their own valid certificate;
* *proven*: an address where a valid certificate for the name was had, whoever named the address;
* *believed*: addresses that may be judged at the layers above: proven, authenticated, literal, or the system's own while
  nothing speaks against them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from diagnostics.bogons import is_bogon
from diagnostics.failures import INTERRUPTED
from diagnostics.judge.indexes import Connections, Questions, SystemAnswers
from diagnostics.model import DIRECT, Cause, Certainty, Control, Fact, Observation, RouteVerdict, Service, Status, Step, Verdict

Planned = TypeVar("Planned")

SECOND_LEVEL: Final = frozenset({"com", "net", "org", "gob", "gov", "gub", "co", "edu", "ac", "info", "web", "mil", "int", "tv"})
"""Labels below a country code under which names are registered; enough for telling owners apart, not a public suffix list."""

COUNTRY: Final = 2
THREE: Final = 3

NOBODY: Final = "nobody"
"""The resolver's id of questions to addresses where no resolver lives (``probes/dns.py``)."""

MOST_LATE: Final = 0.2
"""Share of the run by which its own timer was late: about 0.03 on a computer that is left alone, 0.25 and more on one whose
processors are wanted by three times as many programs; false silences were seen there and not below."""

OURS: Final = frozenset({"target", "repeat", "control"})
"""Purposes of steps that tried the real thing, as opposed to questions about it."""


class Finding(Fact, frozen=True):
    """What a rule says, before it is attached to a target."""

    status: Status
    rule: str
    cause: Cause | None = None
    certainty: Certainty = Certainty.CERTAIN
    evidence: tuple[str, ...] = ()

    def of_target(self, target: str, function: str | None, route: str = DIRECT) -> Verdict:
        """Return the finding as what holds for a target, or for a function of it, over a route."""
        return Verdict(target=target, function=function, route=route, **self._said())

    def of_route(self, route: str, kind: str) -> RouteVerdict:
        """Return the finding as what holds for a way out."""
        return RouteVerdict(id=route, kind=kind, label=route, **self._said())

    def _said(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


def ids(*groups: Iterable[Observation] | Observation | None) -> tuple[str, ...]:
    """Return the ids of observations, each once, in the order given."""
    found: list[str] = []
    for group in groups:
        members = [] if group is None else [group] if isinstance(group, Observation) else group
        found += [each.id for each in members]
    return tuple(dict.fromkeys(found))


def base_domain(host: str) -> str:
    """Return the part of a host that somebody registered, a rough name for who owns it: two labels, or three as in x.com.ve."""
    labels = host.split(".")
    three = len(labels) >= THREE and len(labels[-1]) == COUNTRY and labels[-2] in SECOND_LEVEL
    return ".".join(labels[-3:] if three else labels[-2:])


def is_six(address: str | None) -> bool:
    """Tell whether an address is IPv6."""
    return ":" in (address or "")


class Evidence:
    """One run's observations, indexed.  Steps that were interrupted are kept apart: they prove nothing."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        """Index ``observations``; the rules only read."""
        self.observations: list[Observation] = []
        self.routes: dict[str, list[Observation]] = defaultdict(list)
        self.interrupted: set[tuple[str | None, str | None]] = set()
        """(target, host) of the steps that were cut short."""
        self.by_host: dict[str, list[Observation]] = defaultdict(list)
        self.dns: dict[str, list[Observation]] = defaultdict(list)
        self.tcp: dict[tuple[str, int], list[Observation]] = defaultdict(list)
        self.tls: dict[str, list[Observation]] = defaultdict(list)
        self.http: dict[str, list[Observation]] = defaultdict(list)
        self.throughput: list[Observation] = []
        self.system: dict[str, Observation] = {}
        self.connections = Connections()
        self.questions = Questions()
        self.unresolved: dict[str, None] = {}
        """Names for which some question to this computer's resolver failed, in their order."""
        self.lost_share: tuple[int, float] | None = None
        """What ``judge/loss.py`` reckoned last, and at how many observations."""
        self._answers = SystemAnswers()
        for observation in observations:
            self.add(observation)

    def add(self, o: Observation) -> None:
        """Take one more observation in: a run judges what it knows again and again.

        What went over another route says nothing about this line, and is kept apart.
        """
        if o.route != DIRECT:
            self.routes[o.route].append(o)
            return
        if o.failure == INTERRUPTED:
            self.interrupted.add((o.target, o.host))
            return
        self.observations.append(o)
        if o.step is Step.THROUGHPUT:
            self.throughput.append(o)
        elif o.host:
            self.by_host[o.host].append(o)
        self._sort(o)
        if o.step in (Step.TCP, Step.TLS, Step.HTTP):
            self.questions.add(o, self.purpose(o))

    def _sort(self, o: Observation) -> None:
        """Put an observation where the rules of its step look."""
        if o.step is Step.SYSTEM:
            self.system[str(o.detail.get("kind"))] = o
        elif o.step is Step.DNS and o.host:
            self._add_lookup(o, o.host)
        elif o.step is Step.TCP and o.address:
            self.tcp[o.address, self.port(o)].append(o)
            self.connections.add(o, self.port(o), hold=self.purpose(o) == "hold")
        elif o.step is Step.TLS and o.host:
            self.tls[o.host].append(o)
        elif o.step is Step.HTTP and o.host:
            self.http[o.host].append(o)

    @property
    def goes_direct(self) -> bool:
        """Tell whether the services were to be tested over the direct line as well."""
        plan = self.system.get("plan")
        return plan is None or plan.detail.get("direct", True) is not False

    def _add_lookup(self, o: Observation, host: str) -> None:
        self.dns[host].append(o)
        if o.detail.get("resolver") == "system" and o.detail.get("query") == "A":
            self._answers.add(o, base_domain(host), self.answers([o]), ours=self.purpose(o) in OURS)
            if o.failure is not None:
                self.unresolved[host] = None

    @property
    def late(self) -> Observation | None:
        """Return the note that this computer did not keep up, so that no silence of this run proves anything; None if it did."""
        note = self.system.get("lateness")
        share = note.detail.get("share") if note else None
        return note if isinstance(share, int | float) and share > MOST_LATE else None

    @property
    def targets(self) -> tuple[Service, ...]:
        """Return what was to be tested."""
        return self._planned("targets", tuple[Service, ...])

    @property
    def controls(self) -> tuple[Control, ...]:
        """Return what was measured for comparison."""
        return self._planned("controls", tuple[Control, ...])

    def _planned(self, key: str, kind: type[Planned]) -> Planned:
        plan = self.system.get("plan")
        try:
            return msgspec.convert(plan.detail.get(key, ()) if plan else (), kind)
        except msgspec.ValidationError:
            return msgspec.convert((), kind)  # a plan of a newer version: what it names cannot be judged here

    @staticmethod
    def port(o: Observation) -> int:
        """Return the port of a step, 0 if it names none."""
        port = o.detail.get("port")
        return port if isinstance(port, int) else 0

    @staticmethod
    def purpose(o: Observation) -> str:
        """Return why a step was made."""
        return str(o.detail.get("purpose", ""))

    # --- names -----------------------------------------------------------------------------------

    def system_lookups(self, host: str, query: str = "A") -> list[Observation]:
        """Return what this computer's resolver said for a name: getaddrinfo and its configured servers."""
        return [o for o in self.dns.get(host, ()) if o.detail.get("resolver") == "system" and o.detail.get("query") == query]

    def control_lookups(self, host: str, *, authenticated: bool) -> list[Observation]:
        """Return what public resolvers said for a name (A and AAAA)."""
        return [
            o
            for o in self.dns.get(host, ())
            if o.detail.get("resolver") not in ("system", NOBODY) and bool(o.detail.get("authenticated")) is authenticated
        ]

    def answered_by_nobody(self, *, neutral: bool, host: str | None = None) -> list[Observation]:
        """Return the questions, to an address where no resolver lives, that were answered all the same.

        Those for a harmless name (``neutral``) prove that somebody on the way takes every question over; those for ``host``
        alone that it is injected.  A refusal says nothing: a router may send it for anything.
        """
        controls = {c.host for c in self.controls if c.kind == "neutral"}
        asked = [
            o for name in (controls if neutral else {host or ""}) for o in self.dns.get(name, ()) if o.detail.get("resolver") == NOBODY
        ]
        return [o for o in asked if o.detail.get("rcode") in ("NOERROR", "NXDOMAIN")]

    def operator(self, lookup: Observation) -> str:
        """Return who runs the resolver that was asked; two resolvers of one operator are one witness."""
        plan = self.system.get("plan")
        known = plan.detail.get("resolvers", ()) if plan else ()
        asked = lookup.detail.get("resolver")
        found = (str(r.get("operator")) for r in known if isinstance(r, dict) and r.get("id") == asked)
        return next(found, str(asked))

    @staticmethod
    def answers(lookups: Iterable[Observation]) -> list[str]:
        """Return the addresses that lookups gave, bogons included, each once."""
        return list(dict.fromkeys(str(a) for o in lookups for a in o.detail.get("answers") or ()))

    def public_answers(self, lookups: Iterable[Observation]) -> list[str]:
        """Return the addresses that lookups gave, without bogons."""
        return [a for a in self.answers(lookups) if not is_bogon(a)]

    def proven(self, host: str) -> dict[str, Observation]:
        """Return the addresses where a valid certificate for ``host`` was had, each with its handshake."""
        return {
            str(o.address): o
            for o in self.tls.get(host, ())
            if o.failure is None and self.purpose(o) in OURS and o.detail.get("server_name") == host
        }

    def system_resolver_works(self, but: str) -> list[Observation]:
        """Return a few lookups of other owners' names that the system's resolver answered with public addresses."""
        return self._answers.working(base_domain(but))

    def hosts_entry(self, host: str) -> tuple[Observation, tuple[str, ...]] | None:
        """Return the note of this computer's hosts file and the addresses that it gives for a name, or None if it has no line for it."""
        note = self.system.get("hosts_file")
        entries = note.detail.get("entries") if note else None
        found = entries.get(host) if isinstance(entries, dict) else None
        return (note, tuple(map(str, found))) if note is not None and found else None

    # --- connections -----------------------------------------------------------------------------

    def attempts(self, address: str, port: int) -> list[Observation]:
        """Return the connections tried to a place, whatever for."""
        return [o for o in self.tcp.get((address, port), ()) if self.purpose(o) != "hold"]

    def connected(self) -> list[Observation]:
        """Return every connection that was made to a public address."""
        return self.connections.made

    def port_control(self, port: int, target: str) -> Observation | None:
        """Return a connection to the same port that somebody other than ``target`` made."""
        return self.connections.at_port(port, target)

    def six_is_dead(self) -> bool:
        """Tell whether IPv6 fails as a whole: several connections tried, none made, while IPv4 works."""
        known = self.connections
        return known.six_tried > 1 and not known.six_made and known.four_made

    def neighbour(self, address: str, port: int, target: str) -> Observation | None:
        """Return a connection that another target made to the same port of another address in the same /24 or /48."""
        near = self.connections.near(address)
        return next((o for o in near if o.address != address and o.target != target and self.port(o) == port), None)

    def sharing(self, address: str, host: str) -> list[Observation]:
        """Return a few lookups in which the system's resolver gave the same address for names of other owners."""
        return self._answers.giving(address, base_domain(host))
