"""The report's JSON schema (draft 2020-12), made from the model itself: ``python -m diagnostics.report.schema`` writes it.

Known words of statuses, causes, certainties and steps are listed as examples, not as the only ones: a report of a newer version may
hold others, and readers show them as they are.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import msgspec

from diagnostics.model import REPORT_FORMAT, REPORT_VERSION, Report

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema; descriptions are the model's own first sentences."""
    made = msgspec.json.schema(Report)
    definitions = {name: _opened(name, part) for name, part in sorted(made["$defs"].items())}
    top = definitions.pop("Report")
    about = f"A report of Atajo, version {REPORT_VERSION}. Unknown keys are ignored; later versions may add some."
    properties = {**top["properties"], "format": {"const": REPORT_FORMAT}, "version": {"type": "integer", "minimum": 1}}
    return {
        "$schema": DIALECT,
        "title": f"{REPORT_FORMAT} {REPORT_VERSION}",
        "description": about,
        "type": "object",
        "properties": properties,
        "required": ["format", "version", "run", "observations"],
        "$defs": definitions,
    }


def _opened(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """Return a definition with a one-line description, its words open to newer ones."""
    described = " ".join(str(part.get("description", "")).split("\n\n")[0].split())
    kept = {key: value for key, value in part.items() if key not in ("title", "description", "enum")}
    words = {"type": "string", "examples": list(part["enum"])} if "enum" in part else {}
    return {"title": name, **({"description": described} if described else {}), **kept, **words}


def text() -> str:
    """Return the schema as it stands in ``docs/report.schema.json``."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
