"""Ways round an obstacle, each tried on this network before anybody is told of it.

A *way* is a recipe that needs no rights and no proxy: another resolver, another transport for its questions, another cut of the
first flight, another protocol, address, name or port.  Its id is written in the grammar of ``identity.py``.

Every step of a try is an ordinary observation, by the same probes as everything else, on the route ``ways`` (``model.WAYS``): the
rules for the direct line never see it.  Beside the probe's own detail each carries ``way`` (the id), ``attempt`` (from 1)
and, but for questions about names, ``goal`` (what must open) and ``at`` (the address that was tried first).  A try
passed when a certificate that is valid for the name and the whole page, or its first 64 KiB, arrived; ``judge/workarounds.py`` counts.
"""
