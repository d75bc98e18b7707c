"""The small network inside a tunnel: IP packets, echo requests, datagrams and connections, in this program's own memory."""
