"""What a person may choose about a report that is handed on; everything else that is personal is always removed."""

from __future__ import annotations

import enum
from typing import Final

from diagnostics.model import Fact


class Sites(enum.StrEnum):
    """What is left of the sites that the person typed."""

    HOST = "host"  # the name stays, the path goes: whoever helps sees which site is meant
    HIDDEN = "hidden"  # "site-1.invalid" stands for the name, wherever it is written, and its addresses go too


class Times(enum.StrEnum):
    """What is left of the time of day."""

    HOUR = "hour"
    EXACT = "exact"


class RedactionChoices(Fact, frozen=True):
    """The two things about which the safe way costs whoever helps something.

    ``sites``: a help line that is to find out why a site does not open has to know which one; so the host stays unless the person says
    otherwise.  Hidden, the verdicts can still be worked out again.

    ``time``: to the hour.  A provider keeps who connected where and when, often to the second: with the minute a report leads to
    one line, with the hour to all that were busy.  Blocks come and go by the hour or the day, so that nothing is lost for a case; how
    long each step took is kept exactly.  A whole minute, as a middle way, would protect nobody on a line where few people test.
    """

    sites: Sites = Sites.HOST
    time: Times = Times.HOUR


AS_USUAL: Final = RedactionChoices()
EXACTLY: Final = RedactionChoices(time=Times.EXACT)
