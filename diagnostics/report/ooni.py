"""A report as OONI measurements: one JSON object a line, data format 0.2.0, for analysts who have readers of OONI's data.

Nothing is sent anywhere, and nothing poses as OONI's own: the software is named atajo, there is no control measurement (we have no
helper elsewhere), and OONI's claims are null unless a verdict of ours is certain.  What we say ourselves stands under ``x_atajo``.

Services for which OONI has a test become one measurement of it; of every other service and typed page, each page becomes one of
web_connectivity.  Only the direct route is written.  Equal reports give equal bytes: ids are digests of the run's id.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

import msgspec

from diagnostics.errors import InputError
from diagnostics.model import DIRECT, REPORT_VERSION, Cause, Endpoint, Fact, Function, Observation, Probe, Report, Service, Step, Verdict
from diagnostics.report.contract import whole_characters
from diagnostics.report.ooni_keys import APP_TESTS, web_connectivity
from diagnostics.report.ooni_records import Record, Records
from diagnostics.report.ooni_seen import Seen, is_blocked, is_own
from diagnostics.report.planned import planned_services

DATA_FORMAT: Final = "0.2.0"
SOFTWARE: Final = "atajo"
TEST_VERSION: Final = "0.1.0"
"""Version of our measurements as this export writes them; OONI's tests have versions of their own."""

MOST_PAGES: Final = 100
"""Pages of one service that are written; ours have 11 at most."""

MOST_LOOKUPS: Final = 500
"""Questions for one name that are written with a page; a run asks each resolver once or twice, some 40 in all."""

MOST_STEPS: Final = 1_000_000
"""Steps that are written in all: every page of a service repeats what its host has in common.  10 000 sites write some 140 000."""

EXTENSIONS: Final = {"dnst": 0, "httpt": 0, "netevents": 0, "tcpconnect": 0, "tlshandshake": 0, "tunnel": 0}
_LOOKUPS: Final = frozenset({"target", "control", "survey"})
_PLATFORMS: Final = {"darwin": "macos"}
_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PAGES: Final = (Probe.HTTPS, Probe.HTTP)


class _Index:
    """What is looked up again and again in one report."""

    def __init__(self, report: Report) -> None:
        self.of_target: dict[str, list[Observation]] = defaultdict(list)
        self.lookups: dict[str, list[Observation]] = defaultdict(list)
        """Questions for a name by whomever: the first to ask may have been another target, or a control."""
        self.verdicts: dict[str, dict[str | None, Verdict]] = defaultdict(dict)
        direct = [o for o in report.observations if o.route == DIRECT]
        self.plan = planned_services(direct)
        for observation in direct:
            if observation.step is Step.DNS and observation.host and observation.detail.get("purpose", "target") in _LOOKUPS:
                self.lookups[observation.host].append(observation)
            elif observation.target is not None:
                self.of_target[observation.target].append(observation)
        for verdict in report.verdicts:
            if verdict.route == DIRECT:
                self.verdicts[verdict.target][verdict.function] = verdict


class _Measured(Fact, frozen=True):
    """One measurement before it is written."""

    test: str
    input: str | None
    target: str
    observations: tuple[Observation, ...]
    verdicts: tuple[Verdict, ...]
    keys: Record


def ooni_lines(report: Report) -> Iterator[bytes]:
    """Return the measurements of a report, which is to be redacted already, one line each.

    Raises InputError for a stranger's report in which the same steps would have to be written again and again without end.
    """
    index = _Index(report)
    written = 0
    for service in index.plan.values():
        for measured in _measurements(service, index):
            written += len(measured.observations)
            if written > MOST_STEPS:
                raise InputError("error.report_too_big", file=report.run.id[:40] or "report", limit=f"{MOST_STEPS:,}".replace(",", " "))
            yield _line(_document(report, measured))


def _measurements(service: Service, index: _Index) -> Iterator[_Measured]:
    own, verdicts = index.of_target.get(service.id, []), index.verdicts.get(service.id, {})
    functions = {function: verdict for function, verdict in verdicts.items() if function is not None}
    if service.id in APP_TESTS and service.kind != "url":
        hosts = dict.fromkeys(endpoint.host for function in service.functions for endpoint in function.endpoints)
        seen = _in_order(own, hosts, index)
        if seen:
            test, keys = APP_TESTS[service.id]
            said = keys(Seen(seen), functions)
            yield _Measured(
                test=test, input=None, target=service.id, observations=seen, verdicts=tuple(verdicts.values()), keys=_app_keys(said)
            )
        return
    for function, endpoint in islice(_pages(service), MOST_PAGES):
        seen = _in_order(_of_page(own, endpoint), _hosts_of_page(own, endpoint), index)
        if seen:
            about = tuple(v for each, v in verdicts.items() if each in (None, function.id))
            keys_of_page = web_connectivity(Seen(seen), functions.get(function.id), endpoint)
            url = _url(endpoint)
            yield _Measured(test="web_connectivity", input=url, target=service.id, observations=seen, verdicts=about, keys=keys_of_page)


def _pages(service: Service) -> Iterator[tuple[Function, Endpoint]]:
    """Return the pages of a service with the function that needs each, every address once."""
    known: set[str] = set()
    for function in service.functions:
        for endpoint in function.endpoints:
            if endpoint.probe in _PAGES and endpoint.key not in known:
                known.add(endpoint.key)
                yield function, endpoint


def _hosts_of_page(own: Sequence[Observation], endpoint: Endpoint) -> dict[str, None]:
    """Return the host of a page and those that it sent visitors on to."""
    hosts = {endpoint.host: None}
    for observation in own:  # in the order of the steps: a page is there before what it leads to
        if observation.step is Step.HTTP and observation.host in hosts and is_own(observation):
            location = observation.detail.get("location")
            try:
                host = urlsplit(location).hostname if isinstance(location, str) else None
            except ValueError:  # brackets that hold no address
                host = None
            if host:
                hosts[host] = None
    return hosts


def _of_page(own: Sequence[Observation], endpoint: Endpoint) -> list[Observation]:
    """Return the steps of one page among those of its target: its own place, and the places that it sent visitors on to."""
    hosts, url = _hosts_of_page(own, endpoint), _url(endpoint)
    found = []
    for observation in own:
        detail = observation.detail
        if observation.host not in hosts or observation.step not in (Step.DNS, Step.TCP, Step.TLS, Step.HTTP):
            continue
        first = observation.host == endpoint.host
        if first and detail.get("port") not in (endpoint.port, None) and is_own(observation) and not detail.get("hop"):
            continue  # another page of the same host
        if observation.step is Step.HTTP and is_own(observation) and not detail.get("hop") and detail.get("url") != url:
            continue
        found.append(observation)
    return found


def _in_order(own: Sequence[Observation], hosts: dict[str, None], index: _Index) -> tuple[Observation, ...]:
    """Return the steps of a measurement with what was asked about its names, or nothing if none was its own."""
    steps = [*own, *(o for host in hosts for o in index.lookups.get(host, ())[:MOST_LOOKUPS])]
    return tuple(sorted(steps, key=lambda o: o.t)) if any(is_own(o) for o in steps) else ()


def _url(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    usual = {Probe.HTTPS: 443, Probe.HTTP: 80}.get(endpoint.probe)
    return f"{endpoint.probe}://{host}{'' if endpoint.port == usual else f':{endpoint.port}'}{endpoint.path}"


def _app_keys(said: Record) -> Record:
    return {"agent": "redirect", "failed_operation": None, "failure": None, "socksproxy": None, **said}


# --- the document -----------------------------------------------------------------------------------


def _document(report: Report, measured: _Measured) -> Record:
    """Return one measurement."""
    zero = min(o.t for o in measured.observations)
    end = max(o.t + o.seconds for o in measured.observations)
    blocked = {i for v in measured.verdicts if is_blocked(v, Cause.IP_BLOCKED) for i in v.evidence}
    records = Records((o for o in measured.observations if is_own(o)), zero=zero, blocked=blocked)
    compared = Records((o for o in measured.observations if not is_own(o)), zero=zero)
    started = _moment(report.run.started)
    keys = {**measured.keys, "network_events": None, **records.lists()}
    if measured.test == "web_connectivity":
        keys["x_dns_duplicate_responses"] = records.duplicates or None
    return {
        "annotations": _annotations(report),
        "data_format_version": DATA_FORMAT,
        "extensions": EXTENSIONS,
        "id": _digest(report, measured.test, measured.target, measured.input or "")[:32],
        "input": measured.input,
        "measurement_start_time": _written(_later(started, zero)),
        "options": [],
        "probe_asn": "AS0",
        "probe_cc": "ZZ",
        "probe_ip": "127.0.0.1",
        "probe_network_name": "",
        "report_id": f"{started:%Y%m%dT%H%M%SZ}_{measured.test.replace('_', '')}_ZZ_0_n1_{_digest(report, measured.test)[:16]}",
        "resolver_asn": "AS0",
        "resolver_ip": "127.0.0.2",
        "resolver_network_name": "",
        "software_name": SOFTWARE,
        "software_version": report.app.version,
        "test_helpers": {},
        "test_keys": keys,
        "test_name": measured.test,
        "test_runtime": round(end - zero, 4),
        "test_start_time": _written(started),
        "test_version": TEST_VERSION,
        "x_atajo": _own_words(report, measured, compared),
    }


def _annotations(report: Report) -> dict[str, str]:
    """Return what OONI's readers filter by; a run over a simulated network says so here, too."""
    system = (report.app.platform.split() or [""])[0].lower()
    said = {"engine_name": SOFTWARE, "engine_version": report.app.version, "platform": _PLATFORMS.get(system, system)}
    return said | ({"x_atajo_simulated": report.run.simulated} if report.run.simulated else {})


def _own_words(report: Report, measured: _Measured, compared: Records) -> Record:
    """Return what we hold to be true, in our own words, and the steps that it was compared with."""
    network = report.network
    return {
        "report_version": REPORT_VERSION,
        "target": measured.target,
        "simulated": report.run.simulated,
        "cancelled": report.run.cancelled,
        "network": {
            "status": network.status,
            "cause": network.cause,
            "certainty": network.certainty,
            "rule": network.rule,
            "clock_skew_s": network.clock_skew_s,
            "vpn": network.vpn.state,
        },
        "verdicts": [msgspec.to_builtins(verdict) for verdict in measured.verdicts],
        "compared_with": compared.lists(),
    }


def _digest(report: Report, *parts: str) -> str:
    """Return a name that is always the same for the same part of the same run, and does not tell the run's own id."""
    text = "\0".join(("atajo-ooni", report.run.id, report.run.started, *parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _moment(text: str) -> datetime:
    """Return when a run began; 1970 where the report does not say."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return _UNKNOWN_TIME


def _later(moment: datetime, seconds: float) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return moment


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _line(document: Record) -> bytes:
    try:
        return msgspec.json.encode(document) + b"\n"
    except UnicodeEncodeError:
        return msgspec.json.encode(whole_characters(document)) + b"\n"
