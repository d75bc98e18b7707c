"""A run as a whole: cancelling, running out of time, hostile servers, defects, events."""

from __future__ import annotations

import asyncio

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.events import Event, NetworkJudged, RunDone, RunStarted, StepDone, TargetJudged
from diagnostics.model import Endpoint, Report, Status, Step
from diagnostics.plan import Plan, VpnPlan, make_plan
from diagnostics.probes.endpoint import EndpointProbe
from diagnostics.runner import Run, system_name
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import SimulatedNetwork, open_simulation
from diagnostics.streams import Stream
from tests.conftest import RunAsync
from tests.simulated import measured, said, scenario, verdict

SITE = "https://site.example/"


def site(rules: str) -> str:
    return f'[[site]]\nhost = "site.example"\n{rules}\n'


# --- stopping ---------------------------------------------------------------------------------------


def test_a_look_at_the_vpn_asks_the_system_and_nobody_else(run_async: RunAsync) -> None:
    async def go() -> Report:
        catalog = load_catalog()
        async with open_simulation(load_scenarios()["vpn-split"], catalog) as network:
            return await Run(Plan(targets=(), vpn=VpnPlan(look=True)), network).complete()

    report = run_async(go())
    assert {o.step for o in report.observations} == {Step.SYSTEM}
    assert report.network.vpn.state == "split"
    assert report.verdicts == ()


async def cancelled_when(name: str, enough: int) -> tuple[Report, int]:
    """Cancel a run once ``enough`` steps have ended; return its report and how many steps had ended."""
    catalog, steps = load_catalog(), 0
    async with open_simulation(load_scenarios()[name], catalog, seed=1) as network:

        def count(event: Event) -> None:
            nonlocal steps
            steps += isinstance(event, StepDone)
            if steps == enough:
                asyncio.get_running_loop().call_soon(run.cancel)

        run = Run(make_plan([], [], catalog), network, count)
        report = await run.complete()
    return report, enough


@pytest.mark.parametrize("enough", [1, 5, 40, 150, 300])
def test_a_cancelled_run_keeps_what_was_measured_and_calls_the_rest_not_tested(enough: int, run_async: RunAsync) -> None:
    report, _ = run_async(cancelled_when("ip-blackhole", enough))
    assert report.run.cancelled
    assert len(report.observations) >= enough
    for found in report.verdicts:
        assert found.status in (Status.NOT_TESTED, Status.UNKNOWN, Status.WORKS, Status.LIKELY_BLOCKED, Status.PARTIAL), str(found)
    assert any(found.status is Status.NOT_TESTED for found in report.verdicts) or enough > 200


def test_a_run_cancelled_before_it_began_returns_an_empty_report(run_async: RunAsync) -> None:
    async def go() -> Report:
        catalog = load_catalog()
        async with open_simulation(load_scenarios()["open"], catalog) as network:
            run = Run(make_plan(["x"], [], catalog), network)
            run.cancel()
            return await run.complete()

    report = run_async(go())
    assert report.run.cancelled
    assert all(found.status is Status.NOT_TESTED for found in report.verdicts)


def test_a_run_whose_task_is_cancelled_from_outside_leaves_nothing_behind(run_async: RunAsync) -> None:
    async def go() -> None:
        catalog = load_catalog()
        async with open_simulation(load_scenarios()["offline"], catalog) as network:
            begun = asyncio.Event()
            run = Run(make_plan(["x"], [], catalog), network, lambda e: begun.set() if isinstance(e, StepDone) else None)
            task = asyncio.get_running_loop().create_task(run.complete())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run_async(go())


def test_a_run_that_runs_out_of_time_reports_what_it_knows(run_async: RunAsync) -> None:
    report = run_async(measured(load_scenarios()["offline"], seconds=0.4))
    assert not report.run.cancelled
    assert {v.status for v in report.verdicts} <= {Status.NOT_TESTED, Status.UNKNOWN}


# --- what it tells ------------------------------------------------------------------------------------


def test_events_tell_the_run_from_its_plan_to_its_report(run_async: RunAsync) -> None:
    events: list[Event] = []
    report = run_async(measured(load_scenarios()["open"], "x", on_event=events.append))
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunDone)
    assert [e.observation.id for e in events if isinstance(e, StepDone)] == [o.id for o in report.observations]
    assert [e.final for e in events if isinstance(e, NetworkJudged)][-1]
    judged = [e for e in events if isinstance(e, TargetJudged)]
    assert not judged[0].final, "a first verdict comes before the run has ended"
    assert judged[-1].verdicts == tuple(v for v in report.verdicts if v.target == "x")


def test_a_defect_met_at_one_endpoint_leaves_the_other_targets_alone(
    run_async: RunAsync, monkeypatch: pytest.MonkeyPatch, only_expected_warnings: list[str]
) -> None:
    measure = EndpointProbe.measure

    async def faulty(self: EndpointProbe, endpoint: Endpoint) -> None:
        if endpoint.host == "site.example":
            message = "a defect"
            raise ZeroDivisionError(message)
        await measure(self, endpoint)

    monkeypatch.setattr(EndpointProbe, "measure", faulty)
    report = run_async(measured(scenario(site("")), "telegram", urls=[SITE]))
    assert said(report, SITE)[0] == "not_tested"
    assert said(report, "telegram")[0] == "works"
    only_expected_warnings.append("measuring https:site.example:443/ failed")


# --- bounds -------------------------------------------------------------------------------------------


def test_no_address_ever_has_more_than_three_connections(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, is_open, most = SimulatedNetwork.connect, dict[str, int](), dict[str, int]()

    async def counting(self: SimulatedNetwork, address: str, port: int) -> Stream:
        is_open[address] = is_open.get(address, 0) + 1
        most[address] = max(most.get(address, 0), is_open[address])
        try:
            stream = await connect(self, address, port)
        except BaseException:
            is_open[address] -= 1
            raise
        close = stream.close
        closed = False

        def closing() -> None:
            nonlocal closed
            is_open[address] -= not closed
            closed = True
            close()

        monkeypatch.setattr(stream, "close", closing)
        return stream

    monkeypatch.setattr(SimulatedNetwork, "connect", counting)
    run_async(measured(load_scenarios()["sni-reset"]))
    assert max(most.values()) <= 3, {a: n for a, n in most.items() if n > 3}
    assert len(most) > 30


# --- hostile servers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("serves", ["endless-headers", "huge-body", "redirect-loop", "slow", "garbage", "silence"])
def test_a_hostile_server_is_bounded_and_leaves_other_targets_alone(serves: str, run_async: RunAsync) -> None:
    report = run_async(measured(scenario(site(f'serves = "{serves}"')), "x", urls=[SITE]))
    assert said(report, "x") == ("works", None)
    assert verdict(report, SITE).status not in (Status.BLOCKED, Status.LIKELY_BLOCKED)
    pages = [o for o in report.observations if o.step is Step.HTTP and o.host == "site.example"]
    assert all(int(o.detail.get("body_bytes") or 0) <= 64 * 1024 for o in pages)
    assert len(pages) <= 12


def test_a_body_of_a_gigabyte_is_read_for_64_kib_only(run_async: RunAsync) -> None:
    report = run_async(measured(scenario(site('serves = "huge-body"')), urls=[SITE]))
    assert said(report, SITE) == ("works", None)
    page = next(o for o in report.observations if o.step is Step.HTTP and o.host == "site.example")
    assert page.detail["body_bytes"] == 64 * 1024


@pytest.mark.parametrize(
    "rules,expected",
    [
        ("status = 403", ("works", None)),
        ("status = 451", ("down", "geo_refused")),
        ("status = 500", ("down", "server_fault")),
        ('certificate = "expired"', ("down", "server_fault")),
        ('certificate = "self-signed"', ("down", "server_fault")),
        ('tcp = "refused"', ("likely_blocked", "ip_blocked")),
        ("close_after_bytes = 200", ("unknown", None)),
    ],
)
def test_a_site_with_troubles_of_its_own_is_judged_by_them(rules: str, expected: tuple[str, str | None], run_async: RunAsync) -> None:
    assert said(run_async(measured(scenario(site(rules)), urls=[SITE])), SITE) == expected


def test_a_site_whose_certificate_is_for_another_name_is_not_called_blocked(run_async: RunAsync) -> None:
    status, _ = said(run_async(measured(scenario(site('certificate = "wrong-name"')), urls=[SITE])), SITE)
    assert status in ("down", "unknown")


def test_a_name_that_exists_nowhere_is_not_called_blocked(run_async: RunAsync) -> None:
    report = run_async(measured(scenario(""), urls=["https://no-such-name.example/"]))
    assert said(report, "https://no-such-name.example/") == ("down", "server_fault")


def test_a_clear_text_site_is_followed_to_its_secure_page(run_async: RunAsync) -> None:
    report = run_async(measured(scenario(site("")), urls=["http://site.example/"]))
    assert said(report, "http://site.example/") == ("works", None)
    hops = [o.detail["url"] for o in report.observations if o.step is Step.HTTP and o.host == "site.example"]
    assert hops == ["http://site.example/", "https://site.example/"]


def test_a_clear_text_site_cut_by_its_name_only_looks_blocked(run_async: RunAsync) -> None:
    rules = site("clear = true") + '[[censor]]\nhosts = ["site.example"]\nhttp = "reset"\n'
    report = run_async(measured(scenario(rules), urls=["http://site.example/"]))
    assert said(report, "http://site.example/") == ("likely_blocked", "http_blocked")


@pytest.mark.parametrize(
    "system, release, shown",
    [
        ("Linux", "6.18.5-marisol-custom+", "Linux 6.18"),
        ("Windows", "11", "Windows 11"),
        ("Windows", "2019Server", "Windows 2019"),
        ("Darwin", "23.4.0", "Darwin 23.4"),
        ("Linux", "", "Linux"),
        ("", "homemade-1.2", ""),
    ],
)
def test_a_report_names_the_system_and_not_its_builder(system: str, release: str, shown: str) -> None:
    assert system_name(system, release) == shown
