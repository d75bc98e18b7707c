"""Rules of the page layer: what came back over HTTP."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from diagnostics.bogons import network_of
from diagnostics.failures import DEATHS
from diagnostics.judge.evidence import OURS, Evidence, Finding, base_domain, ids
from diagnostics.model import Cause, Certainty, Endpoint, Observation, Probe, Status, Step

SERVER_ERROR: Final = 500
LEGAL: Final = 451
ENOUGH_CUTS: Final = 2
SURE_CUTS: Final = 3
SURE_PASSES: Final = 2
"""Cuts without one whole page, and whole pages under another name, that leave no room for chance: a server that cuts every
second answer at random does so once in 32 times."""


def foreign_pages(evidence: Evidence, target: str) -> list[Observation]:
    """Return clear-text pages of a target's names that do not come from the site: no redirect to the site itself."""
    pages = evidence.questions.for_target(Step.HTTP, "plain", target)
    return [o for o in pages if _shows_something(o) and not leads_home(o)]


def _shows_something(page: Observation) -> bool:
    """Tell whether an answer is a page at all, and not a server's own error."""
    status = page.detail.get("status")
    return isinstance(status, int) and status < SERVER_ERROR


def leads_home(page: Observation) -> bool:
    """Tell whether a clear-text answer is the usual redirect to the same owner's secure page."""
    location = page.detail.get("location")
    if not location:
        return False
    try:
        parts = urlsplit(urljoin(f"http://{page.host}/", str(location)))
    except ValueError:
        return False
    return base_domain(parts.hostname or "") == base_domain(str(page.host))


def page_of(evidence: Evidence, endpoint: Endpoint, target: str | None) -> list[Observation]:
    """Return the requests for an endpoint's own URL."""
    pages = [o for o in evidence.http.get(endpoint.host, ()) if o.target == target and evidence.purpose(o) in OURS]
    return [o for o in pages if evidence.port(o) == endpoint.port and is_of(endpoint, str(o.detail.get("url", "")))]


def is_of(endpoint: Endpoint, url: str) -> bool:
    """Tell whether a URL is an endpoint's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == endpoint.probe and path_of(parts) == endpoint.path


def path_of(parts: SplitResult) -> str:
    """Return path and query of a URL as an endpoint writes them."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def page_mark(page: Observation) -> tuple[str, str]:
    """Return what makes two pages the same: where a redirect leads, or the body."""
    location = str(page.detail.get("location") or "")
    return (location, "") if location else ("", str(page.detail.get("body_sha256")))


def judge_clear_notice(evidence: Evidence, page: Observation) -> Finding | None:
    """Return that a clear-text page is somebody else's notice, or None.

    Two signs: names of other owners in other networks show the very same, and at this address another name does not.  The
    second spares servers that show their maker's first page to everybody.
    """
    mark, network = page_mark(page), network_of(str(page.address))
    pages = [o for group in evidence.http.values() for o in group if o.detail.get("status") is not None]
    neutral = [o for o in pages if evidence.purpose(o) == "plain_neutral" and o.address == page.address]
    strangers = [
        o
        for o in pages
        if evidence.purpose(o) in ("target", "plain")
        and base_domain(str(o.host)) != base_domain(str(page.host))
        and network_of(str(o.address)) != network
        and str(o.detail.get("url", "")).startswith("http://")
        and page_mark(o) == mark
    ]
    if leads_home(page) or not _shows_something(page) or not strangers or any(page_mark(o) == mark for o in neutral):
        return None
    if not neutral:
        return Finding(status=Status.UNKNOWN, rule="http.page_of_strangers", certainty=Certainty.NONE, evidence=ids(page, strangers[:4]))
    return Finding(
        status=Status.BLOCKED,
        rule="http.same_page_for_strangers",
        cause=Cause.BLOCK_PAGE,
        certainty=Certainty.CERTAIN,
        evidence=ids(page, strangers[:4], neutral),
    )


def judge_page(page: Observation) -> Finding:
    """Return what a page that arrived says of its server."""
    status = page.detail.get("status")
    if status == LEGAL:
        return Finding(
            status=Status.DOWN,
            rule="http.refused_for_legal_reasons",
            cause=Cause.GEO_REFUSED,
            certainty=Certainty.LIKELY,
            evidence=ids(page),
        )
    if page.detail.get("told") == "country":
        return Finding(
            status=Status.DOWN, rule="http.refuses_country", cause=Cause.GEO_REFUSED, certainty=Certainty.LIKELY, evidence=ids(page)
        )
    if page.detail.get("told") == "challenge":
        return Finding(status=Status.WORKS, rule="http.challenge", certainty=Certainty.LIKELY, evidence=ids(page))
    if isinstance(status, int) and status >= SERVER_ERROR:
        return Finding(
            status=Status.DOWN, rule="http.server_error", cause=Cause.SERVER_FAULT, certainty=Certainty.CERTAIN, evidence=ids(page)
        )
    clear = str(page.detail.get("url", "")).startswith("http://")  # anybody on the way may have written a clear-text page
    return Finding(
        status=Status.WORKS,
        rule="http.clear_page" if clear else "http.page",
        certainty=Certainty.LIKELY if clear else Certainty.CERTAIN,
        evidence=ids(page),
    )


def judge_cut(evidence: Evidence, endpoint: Endpoint, target: str) -> Finding | None:
    """Return why a request that was sent got no whole answer, or None if none was sent."""
    cut = [o for o in page_of(evidence, endpoint, target) if o.failure is not None]
    if not cut:
        return None
    if endpoint.probe is Probe.HTTP and len(cut) >= ENOUGH_CUTS and all(o.failure in DEATHS for o in cut):
        addresses = [o.address for o in cut]
        neutral = [o for o in evidence.questions.at(Step.HTTP, "plain_neutral", addresses) if o.failure is None]
        if neutral:
            return Finding(
                status=Status.LIKELY_BLOCKED,
                rule="http.host_dies",
                cause=Cause.HTTP_BLOCKED,
                certainty=Certainty.LIKELY,
                evidence=ids(cut, neutral),
            )
    return _cut_by_name(evidence, endpoint, cut) or Finding(
        status=Status.UNKNOWN, rule="http.cut", certainty=Certainty.NONE, evidence=ids(cut)
    )


def _cut_by_name(evidence: Evidence, endpoint: Endpoint, cut: list[Observation]) -> Finding | None:
    """Return that a page is cut under its own name and not under another one, at the same addresses, or None."""
    pages = [o for o in evidence.http.get(endpoint.host, ()) if evidence.purpose(o) == "other_name" and evidence.port(o) == endpoint.port]
    furthest = max(int(o.detail.get("body_bytes") or 0) for o in cut)
    addresses = {o.address for o in cut}
    passed = [o for o in pages if o.failure is None and o.address in addresses and int(o.detail.get("body_bytes") or 0) >= furthest]
    if endpoint.probe is not Probe.HTTPS or len(cut) < ENOUGH_CUTS or not passed or not all(o.failure in DEATHS for o in cut):
        return None
    sure = len(cut) >= SURE_CUTS and len(passed) >= SURE_PASSES and len(passed) == len(pages)
    return Finding(
        status=Status.BLOCKED if sure else Status.LIKELY_BLOCKED,
        rule="http.cut_by_name",
        cause=Cause.NAME_BLOCKED,
        certainty=Certainty.CERTAIN if sure else Certainty.LIKELY,
        evidence=ids(cut, passed),
    )


def next_url(page: Observation) -> str | None:
    """Return where a page redirects to, or None."""
    location = page.detail.get("location")
    status = page.detail.get("status")
    if not location or status not in (301, 302, 303, 307, 308):
        return None
    try:
        return urljoin(str(page.detail.get("url")), str(location))
    except ValueError:
        return None
