"""The simulated censored network: real sockets on loopback, scenarios as data.  No engine code knows of it."""
