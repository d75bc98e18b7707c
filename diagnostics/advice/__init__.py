"""From verdicts to the next step a person can take."""

from diagnostics.advice.choice import tips_for
from diagnostics.advice.tips import Tip, TipText, load_tips

__all__ = ["Tip", "TipText", "load_tips", "tips_for"]
