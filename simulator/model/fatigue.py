"""Fatigue: what too many contacts do.

Each contact that arrives adds 1 to a per-channel load w_ic that decays with time constant
tau_c, and so do contacts by other departments:

    w_ic <- w_ic * exp(-1 / tau_c) + arrived_ic
    response factor    = exp(-beta_c * w_ic - beta * sum_c w_ic)
    P(opts out of c)   = opt_out_c * (1 + g * sum_c w_ic) * ...   per contact that arrives
    P(leaves for good) = irritation * sum_c w_ic                  per contact that arrives

The optimum this makes, about seven e-mails a month, is that of Zhang, Kumar & Cosguner,
"Dynamically managing a profitable email marketing program", JMR 54(6), 2017. The programme's
own rule caps contacts: at most ``cap_contacts`` in the past ``cap_days``. The load is kept as
it stood on its last change and decays by a table, see :mod:`simulator.model.rules`.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.compiled.kernel import compiled


@compiled
def tired(wear_rate: Any, wear: Any, rate: Any, load: Any) -> Any:
    """The response factor, in (0, 1]."""
    return math.exp(-(wear_rate * wear + rate * load))


@compiled
def opts_out(base: Any, group: Any, gain: Any, load: Any, ticket: Any) -> Any:
    """P(withdraws the permission | arrived), at most 1."""
    return min(base * group * (1.0 + gain * load) * ticket, 1.0)


@compiled
def irritates(rate: Any, load: Any) -> Any:
    """P(leaves for good | arrived), at most 1."""
    return min(rate * load, 1.0)
