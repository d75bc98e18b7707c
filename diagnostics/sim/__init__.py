"""The simulated censored network: real sockets on loopback behind the Network interface."""
