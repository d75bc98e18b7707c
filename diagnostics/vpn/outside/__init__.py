"""Beside the tunnel, on purpose and only when the person asked: the same line without its VPN, and whether anything can leave there."""
