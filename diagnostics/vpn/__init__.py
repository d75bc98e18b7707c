"""VPNs: which one this computer uses, whether it protects, and what becomes of a person's own profile."""
