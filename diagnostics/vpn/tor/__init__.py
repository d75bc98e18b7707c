"""Tor bridges: their lines, the link to their ORPort, and the person's own program for obfs4."""
