"""How a user's tables are read: what the user has to say, as no file says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from troth.tables import Dialect

Returns = Literal["refuse", "net", "drop"]
Repeats = Literal["refuse", "keep"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How tables are read.

    Attributes:
        dialect: how text is written.
        until: end of observation, datetime64[D]; rows after it are left out; by default the day
            of the last purchase.
        returns: of negative amounts: "refuse" them; "net" them against what the customer bought
            on that day or before, the latest first; or "drop" them.
        repeats: of rows that are like earlier ones, more than by chance: "refuse", or "keep" them.
    """

    dialect: Dialect = field(default_factory=Dialect)
    until: np.datetime64 | None = None
    returns: Returns = "refuse"
    repeats: Repeats = "refuse"
