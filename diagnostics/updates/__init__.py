"""Newer data, signed.

``manifest`` and ``bundle`` say what a bundle is, ``content`` what may be in it, ``pinned`` which keys and places count, and ``fetch``
gets it.  Where it is kept is the program's matter (``app/data_store.py``).  A bundle is taken whole or not at all: on any doubt it
is refused, with one ``Refusal``.
"""
