"""Does a VPN that is up protect?  Active checks, made only when a person asks for them; each leaves ``vpn`` steps on its route.

Detail ``stage`` says which check it was (``measure.py`` lists them).  What others see of this computer is its address; addresses are
compared in memory and never written down: a step carries marks instead (``places.py``), and the network and country they belong to.
"""
