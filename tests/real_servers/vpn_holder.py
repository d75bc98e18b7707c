"""Keeps TUN devices open as a VPN's program does, until it is ended: ``python -m tests.real_servers.vpn_holder DEVICE...``.

Nothing is read from them: what is routed into one stays in its queue and is counted.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import sys

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN_NO_PI = 0x0001 | 0x1000


def main() -> None:
    """Open the devices and wait."""
    for device in sys.argv[1:]:
        number = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(number, _TUNSETIFF, struct.pack("16sH14x", device.encode(), _IFF_TUN_NO_PI))
    sys.stdout.write("open\n")
    sys.stdout.flush()
    select.select([], [], [])


if __name__ == "__main__":
    main()
