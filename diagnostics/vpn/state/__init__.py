"""This computer's VPN as it is set up: read without a packet and without rights.

``reading.py`` asks the system (``linux.py``, ``windows.py``, ``macos.py``) and where packets would go (``routes.py``); ``assemble.py``
makes of it what a report may hold (``facts.py``): which adapter is what, and which way is taken, but no address and no name of anybody.
"""
