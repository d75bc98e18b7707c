"""The simulated censored network: real sockets on loopback, scenarios as data.  No engine code knows of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog
    from diagnostics.sim.scenario import Scenario
    from diagnostics.sim.simulation import SimulatedNetwork


def open_simulation(scenario: Scenario, catalog: Catalog, seed: int | None = None) -> AbstractAsyncContextManager[SimulatedNetwork]:
    """Return the context of a scenario's network, as ``diagnostics.sim.simulation`` documents it.

    The servers and their libraries are imported only now: listing scenarios needs none of them.
    """
    from diagnostics.sim.simulation import open_simulation as opened

    return opened(scenario, catalog, seed)
