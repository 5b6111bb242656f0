"""Whether an experiment's arms were alike before the contact, as chance would have made them."""

from __future__ import annotations

import numpy as np

from simulator.calibration.hillstrom import EmailTrial

MOST_APART = 0.1
"""In standard deviations; less hardly moves an effect (Austin, Statistics in Medicine 28, 2009)."""
MOST_ERRORS = 4.0
"""In standard errors; chance brings more once in 16,000 experiments."""


def warn_of_imbalance(trial: EmailTrial, warnings: list[str]) -> None:
    """Warn where the customers with a contact are others than those without.

    Where the firm chose whom to contact, the difference of the arms is partly theirs.

    Args:
        trial: the experiment.
        warnings: where the sentence goes.
    """
    arm = trial.emailed
    if min(arm.sum(), (~arm).sum()) < 2:
        return
    apart = []
    for name, values in (("recency", trial.recency), ("history", np.log1p(trial.history))):
        one, other = values[arm], values[~arm]
        spread = float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2.0))
        error = float(np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)))
        step = abs(float(one.mean() - other.mean()))
        if step > MOST_APART * spread and step > MOST_ERRORS * error:
            size = f"{step / spread:.1f} standard deviations" if spread > 0.0 else "all rows"
            apart.append(f"{name} by {size}")
    if apart:
        warnings.append(
            f"responses: those with a contact and those without differ in {' and '.join(apart)}, "
            "more than chance does: the contact was not given at random, and what is estimated of "
            "its effect is partly who got it"
        )
