"""OpenVPN: profiles, the control channel, and what a server says on it; no data channel is ever opened."""
