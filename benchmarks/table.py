"""The rows of the benchmark, and how they are printed."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, the value, its unit, and the goal as the largest good value (None: only shown), and others'."""

    what: str
    value: float | None
    unit: str = ""
    goal: float | None = None
    note: str = ""
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Return how the value stands to its goal."""
        if self.value is None:
            return "not measured"
        if self.goal is None:
            return ""
        return "ok" if self.value <= self.goal else "MISSED"

    def facts(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return {**asdict(self), "mark": self.mark}


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows in aligned columns."""
    print(f"{platform.system()} {platform.release()}, Python {platform.python_version()}")
    wide = max(len(row.what) for row in rows)
    for row in rows:
        value = "-" if row.value is None else f"{row.value:.3g}"
        goal = "" if row.goal is None else f"<= {row.goal:g}"
        beside = ", ".join(f"{name} {figure:.3g}" for name, figure in row.others.items())
        note = "; ".join(filter(None, (beside, row.note)))
        print(f"{row.what:<{wide}}  {value:>7} {row.unit:<5} {goal:<8} {row.mark:<12} {note}".rstrip())
