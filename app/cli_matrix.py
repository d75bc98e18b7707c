"""``scenarios --matrix``: what every simulated network must be called, and what the engine calls it."""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from app import cli
from app.cli_files import Target
from app.terminal import Terminal
from app.texts import seconds, t
from diagnostics.errors import InputError

if TYPE_CHECKING:
    from diagnostics.sim.matrix import Outcome

MOST_RUNS: Final = 1000
MOST_JOBS: Final = 64
MOST_SEED: Final = 2**31


def matrix(options: argparse.Namespace, out: Terminal, err: Terminal) -> int:
    """Run the scenarios and print what each must be called and is called; 0 if all is said as expected.  Raises InputError."""
    from diagnostics.sim.matrix import innocent
    from diagnostics.sim.scenario import find_scenario, load_scenarios

    runs, jobs = _count(options.runs, "--runs", MOST_RUNS), _count(options.jobs, "--jobs", MOST_JOBS)
    seed = _count(options.seed, "--seed", MOST_SEED)
    file = Target(options.json) if options.json else None
    if file:
        file.check()
    chosen = {name: find_scenario(name) for name in options.names or load_scenarios()}
    names = [name for name, scenario in chosen.items() if not options.innocent or innocent(scenario)]
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in _outcomes([(name, seed + number) for name in names for number in range(runs)], jobs):
        outcomes[outcome.scenario].append(outcome)
        if len(outcomes[outcome.scenario]) == runs:
            _say(outcomes[outcome.scenario], err if file and file.is_stdout else out)
    everything = [outcome for group in outcomes.values() for outcome in group]
    wrong = sum(not outcome.right for outcome in everything)
    accused = sum(bool(outcome.accused) for outcome in everything)
    talk = err if file and file.is_stdout else out
    talk.line(t("cli.matrix.total", scenarios=len(outcomes), runs=len(everything), wrong=wrong, accused=accused), style="bold")
    if file:
        file.write(msgspec.json.format(msgspec.json.encode(everything)) + b"\n", out)
    return cli.OK if not wrong else cli.NOT_ALL_WORK


def _count(text: str | None, option: str, most: int) -> int:
    """Return the value of an option that counts something; 1 if it is not given.  Raises InputError."""
    if text is None:
        return 1
    if not text.isdecimal() or not 1 <= int(text[:12]) <= most:
        raise InputError("error.bad_count", option=option, value=text, most=most)
    return int(text)


def _outcomes(places: list[tuple[str, int]], jobs: int) -> Iterator[Outcome]:
    """Yield the outcomes as they come; several at a time only in processes of their own, since runs in one would slow each other."""
    from diagnostics.sim.matrix import measure_one

    if jobs == 1:
        yield from (measure_one(*place) for place in places)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for done in concurrent.futures.as_completed([pool.submit(measure_one, *place) for place in places]):
            yield done.result()


def _say(outcomes: list[Outcome], out: Terminal) -> None:
    """Write what one scenario came to: its cells once, and those that came out otherwise in some run."""
    first = outcomes[0]
    right = sum(outcome.right for outcome in outcomes)
    slowest = max(outcome.seconds for outcome in outcomes)
    mark = t("cli.matrix.right") if right == len(outcomes) else t("cli.matrix.wrong")
    out.line(f"{mark} {first.scenario}  {right}/{len(outcomes)}  {seconds(slowest)}", style="bold")
    shown: set[str] = set()
    for outcome in outcomes:
        for cell in outcome.cells:
            what = f"{cell.target}/{cell.function}" if cell.function else cell.target
            line = f"{what}: {cell.expected} | {cell.got}" + ("" if cell.right else f"  <-- {t('cli.matrix.wrong')} (seed {outcome.seed})")
            if (outcome is first or not cell.right) and line not in shown:
                shown.add(line)
                out.line(line, indent=2, hanging=4)
        for accusation in outcome.accused:
            out.line(f"{t('cli.matrix.accused')}: {accusation} (seed {outcome.seed})", indent=2, hanging=4)
