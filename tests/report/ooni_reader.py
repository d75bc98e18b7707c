"""Reads OONI measurements from standard input, one a line, with OONI's own package, and writes what that makes of them as JSON.

It runs in an environment of its own (``requirements-ooni.lock``), which has nothing of this project.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    """Read every line and say what OONI's classes hold."""
    load_measurement = import_module("oonidata.dataclient").load_measurement
    json.dump([seen(load_measurement(msmt=json.loads(line))) for line in sys.stdin], sys.stdout)


def seen(measurement: Any) -> dict[str, Any]:
    """Return one measurement as OONI's package holds it, with what its helpers work out of the records."""
    is_ip_bogon = import_module("oonidata.datautils").is_ip_bogon
    held = measurement.to_dict()
    keys = held.pop("test_keys")
    of_system = [q for q in measurement.test_keys.queries or [] if q.engine == "getaddrinfo"]
    lists = {name: len(value) for name, value in keys.items() if isinstance(value, list)}
    said = {name: value for name, value in keys.items() if not isinstance(value, list)}
    return {
        "class": type(measurement).__name__,
        **held,
        "keys": said,
        "records": lists,
        "bogons": sorted({a.ipv4 for q in of_system for a in q.answers or [] if a.ipv4 and is_ip_bogon(a.ipv4)}),
        "answered": sorted({q.hostname for q in of_system if q.failure is None and q.answers}),
        "connected": sum(c.status.success for c in measurement.test_keys.tcp_connect or []),
        "handshakes": sorted({h.failure or "ok" for h in getattr(measurement.test_keys, "tls_handshakes", None) or []}),
        "pages": [
            {
                "url": r.request.url,
                "failure": r.failure,
                "code": r.response.code if r.response else None,
                "type": r.response.get_first_http_header_str("Content-Type") if r.response else None,
            }
            for r in getattr(measurement.test_keys, "requests", None) or []
        ],
    }


if __name__ == "__main__":
    main()
