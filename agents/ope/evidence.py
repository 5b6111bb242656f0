"""How much of a log speaks for a target: what an interval has to rest on.

An estimate moves with few rows when few carry weight, or when few rewards differ from the
rest. The spread that such a log shows says little of the spread that there is, and none at all
where all rewards are alike: then it is zero, however little is known. Alike are rewards that the
action explains, such as what each contact costs: only how an action's rewards differ from one
another tells of their spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.ope.terms import Float64
from troth.errors import InvalidArgument

FEWEST = 2.0
"""Fewer effective customers than this say nothing of a spread."""

_ROUNDING = 1e-10
"""What differs by less than this, relative to the largest there is, is alike."""

RewardRange = tuple[float, float]
"""The least and the largest reward a decision can bring; either may be infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a log holds for a target.

    Attributes:
        rows: Kish's effective number of rows, by their weights; 0 if the target was never
            played.
        customers: the same of customers, by the sums of their rows' weights.
        telling: how many customers the spread of the rewards around their actions' means rests
            on (:func:`participating`), in 0..G: 0 if each action's rewards with weight are alike.
        common: K values, the most common reward of each action, by weight, NaN if it has none,
            where all but fewer than two effective customers have no other; ``None`` otherwise.
        others: share of the weight on other rewards than those, in [0, 1].
        seen: the least and the largest reward with weight; NaN if there is none.
    """

    rows: float
    customers: float
    telling: float
    common: tuple[float, ...] | None = None
    others: float = 0.0
    seen: RewardRange = (np.nan, np.nan)

    @property
    def enough(self) -> bool:
        """Whether the rewards seen say anything of their spread."""
        return self.customers >= FEWEST - _ROUNDING and self.common is None

    def freedom(self, own: float) -> float:
        """Degrees of freedom of an estimate's variance, > 0 and at most one less than m.

        For m effective customers, of whom the spread rests on R, they are R m / (m - R), half
        of Satterthwaite's 2 m / (kurtosis - 1): an estimate of a skewed reward that comes out
        low has a standard error that does too, which his formula leaves out. They are m / 2 if
        the rewards are normal, and k if k of very many customers have another reward than the
        rest.

        Args:
            own: R of the estimate itself, by :func:`participating`; the lesser one counts.

        References:
            F. E. Satterthwaite, "An approximate distribution of estimates of variance
            components", Biometrics Bulletin 2 (1946).
        """
        customers, telling = self.customers, min(self.telling, own)
        if telling >= customers:
            return customers - 1.0
        return min(customers - 1.0, telling * customers / (customers - telling))

    def others_at_most(self, level: float) -> float:
        """Upper bound, at ``level``, of the share of decisions with an uncommon reward.

        Clopper and Pearson's one-sided bound for k of n effective customers,

            B^-1(level; k + 1, n - k);   for k = 0 it is 1 - (1 - level)^(1 / n), about 3 / n.

        A customer's rows count as one: where nothing differs, nothing shows that they are
        independent. In (0, 1]; 1 if nothing is known, or rewards differ as they please.

        References:
            C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits
            illustrated in the case of the binomial", Biometrika 26 (1934); J. A. Hanley and
            A. Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249
            (1983), the rule of three.
        """
        from scipy.special import betaincinv

        left = self.customers * (1.0 - self.others)
        if self.common is None or left <= 0.0:
            return 1.0
        return float(betaincinv(self.customers * self.others + 1.0, left, level))

    def unseen_at_most(self, level: float) -> float:
        """Upper bound, at ``level``, of the share of decisions with a larger reward than any seen.

        1 - (1 - level)^(1 / n) for n effective customers, whose rows count as one: that of
        :meth:`others_at_most` for none of them. The largest of n independent rewards is exceeded
        by a share of at most this with probability ``level``, exactly so if they are continuous.
        In (0, 1]; 1 without a customer.

        References:
            S. S. Wilks, "Determination of sample sizes for setting tolerance limits", Annals of
            Mathematical Statistics 12 (1941).
        """
        if self.customers <= 0.0:
            return 1.0
        return float(-np.expm1(np.log1p(-level) / self.customers))


def gather(
    weight: Float64,
    reward: Float64,
    clusters: NDArray[np.int64],
    action: NDArray[np.int64] | None = None,
) -> Evidence:
    """The evidence of n >= 1 rows.

    Args:
        weight: float64 (n,), importance weights, >= 0.
        reward: float64 (n,).
        clusters: int64 (n,), customer codes 0..G-1.
        action: int64 (n,), in 0..K-1, what may explain a reward; ``None`` if nothing does.
    """
    if not weight.any():
        return Evidence(rows=0.0, customers=0.0, telling=0.0)
    action = np.zeros(len(weight), dtype=np.int64) if action is None else action
    shares = weight / weight.max()  # squares of weights near the largest float would overflow
    seen = reward[shares > 0]
    telling = 0.0
    if seen.min() < seen.max():
        # Of rewards around their middle: a shift of them all is no spread, and no rounding.
        middle, size = 0.5 * seen.min() + 0.5 * seen.max(), float(np.abs(seen).max())
        scaled = np.where(shares > 0, reward - middle, 0.0) / size
        held = np.bincount(action, weights=shares)
        means = np.bincount(action, weights=shares * scaled) / np.where(held > 0, held, 1.0)
        telling = participating(_sums(clusters, shares * (scaled - means[action])), size=1.0)
    common, others = _common(shares, reward, clusters, action, telling)
    return Evidence(
        rows=effective_sample_size(shares),
        customers=effective_sample_size(_sums(clusters, shares)),
        telling=telling,
        common=common,
        others=others,
        seen=(float(seen.min()), float(seen.max())),
    )


def _common(
    shares: Float64,
    reward: Float64,
    clusters: NDArray[np.int64],
    action: NDArray[np.int64],
    telling: float,
) -> tuple[tuple[float, ...] | None, float]:
    """Each action's most common reward and the weight of the others, if next to nobody has one."""
    if telling >= 2 * FEWEST:  # then more than that many have another, and nothing is to be sorted
        return None, 0.0
    common = most_common(reward, action, shares)
    seen = np.flatnonzero(shares)
    other = shares[seen] * differing(reward, action, common)[seen]
    if effective_sample_size(_sums(clusters[seen], other)) >= FEWEST - _ROUNDING:
        return None, 0.0
    return tuple(float(value) for value in common), float(other.sum() / shares.sum())


def most_common(reward: Float64, action: NDArray[np.int64], weight: Float64) -> Float64:
    """Of each action the reward with most weight, float64 (K,); NaN where none has any.

    Rewards that differ by rounding only are the same.

    Args:
        reward: float64 (n,).
        action: int64 (n,), in 0..K-1.
        weight: float64 (n,), >= 0.
    """
    common = np.full(int(action.max()) + 1, np.nan)
    rows = np.flatnonzero(weight)
    if not len(rows):
        return common
    order = rows[np.lexsort((reward[rows], action[rows]))]
    values, owner = reward[order], action[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(values) > _ROUNDING * np.abs(values).max()) | (np.diff(owner) != 0)
    start = np.flatnonzero(fresh)
    held = np.add.reduceat(weight[order], start)
    # The last one written to an action stands: the heaviest, and the least of equals.
    ranked = np.lexsort((-values[start], held))
    common[owner[start][ranked]] = values[start][ranked]
    return common


def differing(reward: Float64, action: NDArray[np.int64], common: Float64) -> NDArray[np.bool_]:
    """Whether each reward is another than its action's in ``common`` (K,): bool (n,)."""
    usual = common[action]
    apart = np.abs(reward - usual) > _ROUNDING * np.abs(reward).max()
    return np.asarray(apart | np.isnan(usual))


def effective_sample_size(weight: Float64) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2; 0 if all weights are 0.

    References:
        L. Kish, "Survey Sampling", 1965.
    """
    largest = float(weight.max()) if len(weight) else 0.0
    if largest <= 0:
        return 0.0
    shares = weight / largest
    return float(shares.sum()) ** 2 / float(shares @ shares)


def participating(sums: Float64, *, size: float) -> float:
    """How many of the clusters a variance rests on: (sum s^2)^2 / sum s^4, in 0..G.

    It is G if all deviate alike, about G / 3 if they are normal, k if k of very many deviate,
    and 0 if none does by more than rounding.

    Args:
        sums: float64 (G,), what each cluster adds to the error; they sum to about 0.
        size: of the terms that were summed, to tell rounding from spread.
    """
    largest = float(np.abs(sums).max()) if len(sums) else 0.0
    if largest <= _ROUNDING * size:
        return 0.0
    return effective_sample_size((sums / largest) ** 2)


def _sums(clusters: NDArray[np.int64], column: Float64) -> Float64:
    return np.bincount(clusters, weights=column).astype(np.float64)


def check_range(reward_range: RewardRange, reward: Float64, used: NDArray[np.bool_]) -> RewardRange:
    """Return ``reward_range`` if it is one and holds every reward that is used.

    Args:
        reward_range: to be checked.
        reward: float64 (n,).
        used: bool (n,), rows whose reward is final.

    Raises:
        InvalidArgument: otherwise; names the first row outside.
    """
    low, high = float(reward_range[0]), float(reward_range[1])
    if not low < high:
        raise InvalidArgument(f"{low:g} is not below {high:g}", field="reward_range")
    outside = used & ~((reward >= low) & (reward <= high))
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidArgument(
            f"the reward {reward[row]:g} in row {row} is outside {low:g}..{high:g}",
            field="reward_range",
        )
    return low, high
