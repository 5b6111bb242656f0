"""How long it takes: opening, click, visit, redemption and purchase after a contact.

    days = floor(exp(ln(median) + sigma * z)),   z ~ N(0, 1)

each with a median and a spread of its own; a channel's latency is added. Coupons of Complete
Journey come back after a median of 16 days (quartiles 8 and 28: sigma 0.83 to 0.93); a
quarter of what offer e-mails bring comes a week or more later (Sahni, Zou & Chintagunta 2017).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.scenarios.sections import DelaysSection

NAMES = tuple(DelaysSection.model_fields)
OPEN, CLICK, VISIT, REDEEM, BUY = (
    NAMES.index(name) for name in ("open", "click", "visit", "redeem", "buy")
)
LONGEST = 365
"""Days; what would come later does so on that day."""


def table(section: DelaysSection) -> NDArray[np.float64]:
    """float64 (5, 2): mean and SD of ln days, in the order of :data:`NAMES`."""
    parts = [getattr(section, name) for name in NAMES]
    return np.array([(math.log(part.median_days), part.sigma) for part in parts])


@compiled
def whole_days(delay: NDArray[np.float64], which: Any, z: Any) -> Any:
    """Whole days of one delay, int in 0..LONGEST, from a standard normal.

    ``delay`` is a :func:`table`, ``which`` the position in :data:`NAMES`.
    """
    return int(min(math.exp(delay[which, 0] + delay[which, 1] * z), LONGEST))
