"""Composition root of Atajo: entry points, command line, settings, texts and the engine thread."""

__version__ = "0.1.0"
