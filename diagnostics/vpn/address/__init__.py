"""VPN servers of which a person has nothing but the address: does one answer there, and as such a server does?"""
