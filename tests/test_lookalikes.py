"""Innocent lines and servers that look like censorship, and censorship that looks like something else."""

from __future__ import annotations

import errno

import pytest

from diagnostics.model import Status
from diagnostics.sim.simulation import SimulatedNetwork
from diagnostics.streams import Stream
from tests.conftest import RunAsync
from tests.simulated import measured, said, scenario, verdict

EVERYBODY = 'suffixes = ["com", "org", "net", "co", "me", "info", "io", "example", "ve"]'
ACCUSING = {Status.BLOCKED, Status.LIKELY_BLOCKED}


def censor(rules: str) -> str:
    return f"[[censor]]\n{rules}\n"


def site(host: str, rules: str = "") -> str:
    return f'[[site]]\nhost = "{host}"\n{rules}\n'


INNOCENT = {
    "a resolver that makes up an address for every name": censor(f'{EVERYBODY}\ndns = "bogon"\nanswer = "198.18.0.7"'),
    "a walled garden": censor(f'{EVERYBODY}\ndns = "bogon"\nanswer = "10.1.2.3"'),
    "a company resolver without names from outside": censor(f'{EVERYBODY}\ndns = "nxdomain"'),
    "a service that is down and says so in clear text": '[[site]]\nservice = "x"\nclear = true\nstatus = 503\n'
    + censor('service = "x"\nports = [443]\ntcp = "refused"'),
    "a service with a root that nobody knows yet": '[[site]]\nservice = "x"\ncertificate = "other-ca"\nissuer = "New Root X"\n',
    "a service whose servers all end handshakes": censor('service = "x"\ntls = "close"\nwhere = "address"'),
    "a service whose front page gives an error": site("x.com", "status = 503"),
}


@pytest.mark.parametrize("what", INNOCENT)
def test_nobody_is_accused_of_blocking_x_for_certain(what: str, run_async: RunAsync) -> None:
    report = run_async(measured(scenario(INNOCENT[what]), "x", "telegram"))
    assert verdict(report, "x").status is not Status.BLOCKED, str(verdict(report, "x"))
    assert verdict(report, "x").status is not Status.WORKS, str(verdict(report, "x"))


SITES = {
    "two boxes with the same self-made certificate": site("nas1.example", 'certificate = "other-ca"\nissuer = "DEFAULT"')
    + site("nas2.ejemplo", 'certificate = "other-ca"\nissuer = "DEFAULT"'),
    "a site without a secure page": site("nas1.example", "clear = true")
    + site("nas2.ejemplo", "clear = true")
    + censor('hosts = ["nas1.example", "nas2.ejemplo"]\nports = [443]\ntcp = "refused"'),
    "a broken zone at the provider's resolver": site("nas1.example")
    + site("nas2.ejemplo", "clear = true")
    + censor('hosts = ["nas1.example"]\ndns = "servfail"'),
}


@pytest.mark.parametrize("what", SITES)
def test_a_site_with_a_fault_of_its_own_is_never_called_blocked(what: str, run_async: RunAsync) -> None:
    urls = ["https://nas1.example/", "https://nas2.ejemplo/"]
    report = run_async(measured(scenario(SITES[what]), urls=urls))
    for url in urls:
        assert verdict(report, url).status is not Status.BLOCKED, str(verdict(report, url))


def test_too_many_open_files_accuse_nobody(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, calls = SimulatedNetwork.connect, 0

    async def exhausted(self: SimulatedNetwork, address: str, port: int) -> Stream:
        nonlocal calls
        calls += 1
        if calls > 60 and calls % 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return await connect(self, address, port)

    monkeypatch.setattr(SimulatedNetwork, "connect", exhausted)
    report = run_async(measured(scenario("")))
    accused = [str(v) for v in report.verdicts if v.status in ACCUSING]
    assert accused == []


@pytest.mark.parametrize(
    "path,status,expected",
    [("/ok", 200, ("works", None)), ("/down", 503, ("down", "server_fault")), ("/law", 451, ("down", "geo_refused"))],
)
def test_a_site_is_judged_by_its_status(path: str, status: int, expected: tuple[str, str | None], run_async: RunAsync) -> None:
    url = f"https://site.example{path}"
    assert said(run_async(measured(scenario(site("site.example", f"status = {status}")), urls=[url])), url) == expected


def test_a_server_that_redirects_to_itself_for_ever_is_at_fault(run_async: RunAsync) -> None:
    url = "https://site.example/"
    report = run_async(measured(scenario(site("site.example", 'serves = "redirect-loop"')), urls=[url]))
    assert said(report, url) in (("down", "server_fault"), ("unknown", None))


def test_chats_that_are_cut_right_after_connecting_look_blocked(run_async: RunAsync) -> None:
    rules = censor('service = "whatsapp"\nfunction = "chat"\ntcp = "reset"')
    report = run_async(measured(scenario(rules), "whatsapp", "telegram"))
    assert said(report, "whatsapp", "chat") == ("likely_blocked", "ip_blocked")
    assert said(report, "telegram") == ("works", None)


def test_a_forged_address_is_not_taken_for_the_service_when_nobody_else_can_be_asked(run_async: RunAsync) -> None:
    rules = (
        censor('resolvers = "all-public"\ntcp = "silence"\ndns = "silence"')
        + censor('service = "x"\ndns = "address"\nanswer = "otro.example"')
        + site("otro.example")
    )
    status, cause = said(run_async(measured(scenario(rules), "x", "telegram")), "x")
    assert (status, cause) in (("likely_blocked", "dns_tampering"), ("unknown", None))


def test_names_that_all_lead_to_one_dead_address_are_found_out_soon(run_async: RunAsync) -> None:
    rules = censor('service = "x"\ndns = "address"\nanswer = "otro.example"') + site("otro.example", 'tcp = "silence"')
    report = run_async(measured(scenario(rules)))
    assert said(report, "x") == ("likely_blocked", "dns_tampering")
    asked = [o for o in report.observations if o.step == "tcp" and o.failure == "generic_timeout_error"]
    assert len(asked) <= 20, "one dead address is tried again for every name"


def test_one_lying_server_of_two_that_programs_believe_is_tampering(run_async: RunAsync) -> None:
    rules = (
        'nameservers = ["192.168.1.1", "192.168.1.2"]\n'
        + censor('addresses = ["192.168.1.2"]\ndns = "allow"')
        + censor('service = "x"\ndns = "nxdomain"')
    )
    assert said(run_async(measured(scenario(rules), "x", "telegram")), "x") == ("blocked", "dns_tampering")
