"""Measures what a person waits for, as ratios to what it must cost: ``python3 benchmarks/run.py [PART ...]``.

Everything compared is measured in the same run, so a slow computer does not change the verdict.  Over simulated links
always; with root and the laboratory's packages also between real servers, 80 ms away.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Print the table; set up the project's environment first when this Python has none."""
    if any(importlib.util.find_spec(name) is None for name in ("PySide6", "msgspec", "dns")):
        os.execv(sys.executable, [sys.executable, str(ROOT / "run.py"), "dev", "benchmarks.run", *sys.argv[1:]])
    sys.path.insert(0, str(ROOT))
    from benchmarks.parts import LONG, PARTS
    from benchmarks.table import print_table

    parser = argparse.ArgumentParser(description="Measures what a person waits for.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; without any all but {', '.join(sorted(LONG))}")
    parser.add_argument("--json", metavar="FILE", help="write the figures too")
    wanted = parser.parse_args()
    unknown = set(wanted.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    rows = []
    for name in wanted.parts or [part for part in PARTS if part not in LONG]:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rows += PARTS[name]()
    print_table(rows)
    if wanted.json:
        Path(wanted.json).write_text(json.dumps([row.facts() for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
