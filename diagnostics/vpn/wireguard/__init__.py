"""WireGuard in this program's own memory: handshake, packets, and the small network inside."""
