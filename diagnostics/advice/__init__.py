"""From verdicts and the ways round that passed to the next step a person can take."""

from diagnostics.advice.choice import MASKING_VPN, tips_for, vpn_causes
from diagnostics.advice.platforms import PLATFORMS, computer_platform
from diagnostics.advice.said import Known, Said, said
from diagnostics.advice.tips import Tip, TipText, load_tips, shipped_tips
from diagnostics.advice.tried import Tried

__all__ = [
    "MASKING_VPN",
    "PLATFORMS",
    "Known",
    "Said",
    "Tip",
    "TipText",
    "Tried",
    "computer_platform",
    "load_tips",
    "said",
    "shipped_tips",
    "tips_for",
    "vpn_causes",
]
