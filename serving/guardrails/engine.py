"""All guardrails together: one map from a distribution to the distribution that is served."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.guardrails.config import GuardrailConfig
from serving.guardrails.consent import Consent
from serving.guardrails.facts import FactsBatch
from serving.guardrails.frequency_cap import FrequencyCap
from serving.guardrails.guardrail import Guardrail
from serving.guardrails.quiet_hours import QuietHours
from serving.guardrails.repeat import Repeat
from troth.catalogue import NO_CONTACT, Catalogue
from troth.errors import InvalidArgument
from troth.policy import Distribution, Mask, normalise
from troth.types import Verdict

Verdicts = tuple[Verdict, ...]


def standard_guardrails(config: GuardrailConfig) -> tuple[Guardrail, ...]:
    """The guardrails of ``config``, in the order in which refusals are attributed."""
    return (
        Consent(),
        QuietHours(config.quiet_hours),
        FrequencyCap(config.frequency_cap),
        Repeat(),
    )


class GuardrailEngine:
    """The guardrails of one configuration.

    Args:
        config: what they are told; its digest names this engine.
    """

    def __init__(self, config: GuardrailConfig) -> None:
        self.config = config
        self.guardrails = standard_guardrails(config)

    @property
    def digest(self) -> str:
        """Digest of the configuration."""
        return self.config.digest

    def allowed(self, catalogue: Catalogue, facts: FactsBatch) -> NDArray[np.bool_]:
        """Return bool (n, K): what no guardrail refuses; column 0 is always true."""
        allowed = np.ones((len(facts), len(catalogue)), dtype=bool)
        for guardrail in self.guardrails:
            for refusal in guardrail.refusals(catalogue, facts):
                allowed &= ~refusal.blocked
        if not allowed[:, NO_CONTACT].all():
            raise InvalidArgument("a guardrail refused no contact", field="guardrails")
        return allowed

    def judge(
        self, proposed: Distribution, candidates: Mask, catalogue: Catalogue, facts: FactsBatch
    ) -> tuple[Mask, tuple[Verdicts, ...]]:
        """What is left of the candidates, and who refused what.

        An action refused by several guardrails is attributed to the first of them.

        Args:
            proposed: float64 (n, K), what the policy would do with all candidates.
            candidates: bool (n, K).
            catalogue: the K actions.
            facts: n customers.

        Returns:
            The mask bool (n, K), and n tuples of verdicts; guardrails that took nothing away
            from a row give no verdict for it.
        """
        left = candidates.copy()
        verdicts: list[list[Verdict]] = [[] for _ in range(len(facts))]
        for guardrail in self.guardrails:
            for refusal in guardrail.refusals(catalogue, facts):
                taken = left & refusal.blocked
                left &= ~refusal.blocked
                for row in np.flatnonzero(taken.any(axis=1)):
                    columns = np.flatnonzero(taken[row])
                    verdicts[row].append(
                        Verdict(
                            guardrail=guardrail.name,
                            refused=tuple(catalogue.actions[c].action_id for c in columns),
                            mass=min(1.0, float(proposed[row, columns].sum())),
                            reason=refusal.reason,
                        )
                    )
        if not left[:, NO_CONTACT].all():
            raise InvalidArgument("no contact must always be eligible", field="mask")
        return left, tuple(tuple(row) for row in verdicts)

    def apply(
        self,
        distribution: Distribution,
        catalogue: Catalogue,
        facts: FactsBatch,
        candidates: Mask | None = None,
    ) -> tuple[Distribution, tuple[Verdicts, ...]]:
        """Take refused mass out and spread it over what is left, in proportion.

        Args:
            distribution: float64 (n, K), rows sum to 1.
            catalogue: the K actions.
            facts: n customers.
            candidates: bool (n, K) that verdicts speak of; by default every action with mass.

        Returns:
            float64 (n, K) without mass on any refused action, *no contact* where nothing
            else is left, and the verdicts of each row.
        """
        if candidates is None:
            candidates = distribution > 0.0
            candidates[:, NO_CONTACT] = True
        left, verdicts = self.judge(distribution, candidates, catalogue, facts)
        untouched = (left == candidates).all(axis=1, keepdims=True)
        return np.where(untouched, distribution, normalise(distribution, left)), verdicts
