"""Linear Thompson sampling with a fixed set of posterior draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from agents.policies.own_effects import OwnEffects
from agents.policies.storable import (
    Parameters,
    Tensors,
    explore,
    parameter,
    require_schema,
    require_share,
    tensor,
)
from troth.catalogue import NO_CONTACT, Catalogue
from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition, InvalidArgument
from troth.policy import Distribution, Mask, check_mask

_CHUNK_SCORES = 1 << 17
"""Scores held at once: 1 MiB of float64, so that the passes over them stay in cache."""


@dataclass(frozen=True, eq=False)
class _Columns:
    """The actions of one catalogue that a policy can tell apart.

    Attributes:
        weights: float64 (A+1, U), a column of features per distinct action, first row the
            constant.
        own: float64 (S, U), draws of their own effects; (S, 0) if there are none.
        group: int64 (K,), the distinct action of each action.
        member: float64 (K, U), 1 where an action belongs to a distinct one.
    """

    weights: NDArray[np.float64]
    own: NDArray[np.float64]
    group: NDArray[np.int64]
    member: NDArray[np.float64]

    @classmethod
    def of(cls, actions: Catalogue, own: NDArray[np.float64]) -> _Columns:
        """Lay out a catalogue, given its actions' own effects, (S, K) or (S, 0)."""
        seen = np.hstack((actions.features, own.T)) if own.size else actions.features
        _, first, group = np.unique(seen, axis=0, return_index=True, return_inverse=True)
        # Keep catalogue order, so that a tie between distinct actions goes to the earlier.
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        distinct = first[order]
        inverse = rank[group.reshape(-1)].astype(np.int64)
        weights = np.vstack((np.ones(order.size), actions.features[distinct].T))
        return cls(
            weights=np.ascontiguousarray(weights),
            own=np.ascontiguousarray(own[:, distinct] if own.size else own),
            group=inverse,
            member=np.eye(order.size)[inverse],
        )


@dataclass(frozen=True, eq=False)
class LinearThompsonPolicy:
    """Thompson sampling over a bilinear reward model, with exact propensities.

    The model is r(x, a) = [1, x]' Theta [1, a] + b_a for an encoded context x (D), an
    action's features a (A) and its own effect b_a, so that an offer which was never tried is
    scored by what it is made of, and one that was by what came of it as well. Instead of
    drawing Theta and b anew for each decision, the policy holds S draws from their joint
    posterior; the probability of an action is the share of draws under which it is best
    among the eligible ones. Sampling from that distribution *is* Thompson sampling, with
    the posterior represented by S draws, and the propensity is a number, not an estimate.

    Actions that cannot be told apart, with the same features and the same own effects or
    none, share their probability evenly. Other ties, which have probability zero under a
    continuous posterior, go to the earlier action.

    Attributes:
        draws: float64 (S, D+1, A+1), Theta, reward units per unit of feature.
        schema_digest: the feature schema that x is encoded with.
        action_features: names of the A action features.
        exploration: weight of the uniform distribution mixed in, in [0, 1].
        own_effects: draws of b; without them an action is its features.

    References:
        S. Agrawal & N. Goyal, "Thompson Sampling for Contextual Bandits with Linear
        Payoffs", ICML 2013, algorithm 1. D. Russo, B. Van Roy, A. Kazerouni, I. Osband &
        Z. Wen, "A Tutorial on Thompson Sampling", FnT in Machine Learning 11(1), 2018.
    """

    kind: ClassVar[str] = "linear_thompson"

    draws: NDArray[np.float64]
    schema_digest: str
    action_features: tuple[str, ...]
    exploration: float = 0.0
    own_effects: OwnEffects | None = None
    _flat: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _known: dict[str, _Columns] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        require_share(self.exploration, "exploration")
        if self.draws.dtype != np.float64 or self.draws.ndim != 3 or not len(self.draws):
            raise InvalidArgument(
                f"{self.draws.dtype} {self.draws.shape} is not float64 (S, D+1, A+1) with S >= 1",
                field="draws",
            )
        if self.draws.shape[2] != len(self.action_features) + 1:
            raise InvalidArgument(
                f"{self.draws.shape[2]} columns for {len(self.action_features)} action features",
                field="draws",
            )
        if not np.isfinite(self.draws).all():
            raise InvalidArgument("not finite", field="draws")
        own = self.own_effects
        if own is not None and len(own.draws) != len(self.draws):
            raise InvalidArgument(
                f"{len(own.draws)} draws for {len(self.draws)} of the shared weights",
                field="own_effects",
            )
        samples, rows, columns = self.draws.shape
        flat = self.draws.transpose(1, 0, 2).reshape(rows, samples * columns)
        object.__setattr__(self, "_flat", np.ascontiguousarray(flat))

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """Share of posterior draws under which each action is the best eligible one.

        See :meth:`troth.policy.Policy.distribution`.

        Raises:
            FailedPrecondition: if the contexts follow another schema, or the catalogue has
                other action features, than the policy was trained with.
        """
        check_mask(mask, len(contexts), len(actions))
        require_schema(contexts.schema, self.schema_digest)
        columns = self._columns(actions)
        encoded = contexts.encoded
        result = np.zeros(mask.shape)
        # Whoever is at the frequency cap, as most are on most days, leaves nothing to choose.
        choice = mask[:, 1:].any(axis=1)
        result[~choice, NO_CONTACT] = 1.0
        open_rows = np.flatnonzero(choice)
        step = max(1, _CHUNK_SCORES // (len(self.draws) * columns.weights.shape[1]))
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            result[rows] = self._shares(encoded[rows], columns, mask[rows])
        return explore(result, mask, self.exploration)

    def scores(self, contexts: ContextBatch, actions: Catalogue) -> NDArray[np.float64]:
        """Posterior mean reward of every action, eligible or not.

        Returns:
            float64 (n, K), in the units the policy was trained in.
        """
        require_schema(contexts.schema, self.schema_digest)
        columns = self._columns(actions)
        mean = self.draws.mean(axis=0) @ columns.weights
        if columns.own.size:
            mean[0] += columns.own.mean(axis=0)
        mean = mean[:, columns.group]
        scores: NDArray[np.float64] = mean[0] + contexts.encoded.astype(np.float64) @ mean[1:]
        return scores

    def _shares(
        self, encoded: NDArray[np.float32], columns: _Columns, mask: Mask
    ) -> NDArray[np.float64]:
        n, samples = len(encoded), len(self.draws)
        # Two flat products: contexts with every draw, then with the distinct actions.
        theta = encoded.astype(np.float64) @ self._flat[1:] + self._flat[0]
        scores = (theta.reshape(n * samples, -1) @ columns.weights).reshape(n, samples, -1)
        if columns.own.size:
            scores += columns.own
        eligible = mask @ columns.member
        scores += np.where(eligible > 0, 0.0, -np.inf)[:, None, :]
        best = scores.argmax(axis=2) + (np.arange(n) * eligible.shape[1])[:, None]
        counts = np.bincount(best.reshape(-1), minlength=eligible.size).reshape(eligible.shape)
        share = counts / (samples * np.maximum(eligible, 1.0))
        spread: NDArray[np.float64] = share[:, columns.group] * mask
        return spread

    def _columns(self, actions: Catalogue) -> _Columns:
        """A catalogue's actions, laid out once per catalogue seen."""
        known = self._known.get(actions.digest)
        if known is None:
            if actions.feature_names != self.action_features:
                raise FailedPrecondition(
                    "the catalogue has other action features than the policy was trained with",
                    field="actions",
                )
            if len(self._known) >= 16:
                self._known.clear()
            own = self.own_effects
            drawn = np.zeros((len(self.draws), 0)) if own is None else own.of(actions)
            known = self._known[actions.digest] = _Columns.of(actions, drawn)
        return known

    def to_state(self) -> tuple[Parameters, Tensors]:
        """Names, ids and digests as parameters, the draws as tensors."""
        own: tuple[Parameters, Tensors] = ({}, {})
        if self.own_effects is not None:
            own = self.own_effects.to_state()
        return {
            "schema_digest": self.schema_digest,
            "action_features": list(self.action_features),
            "exploration": self.exploration,
            **own[0],
        }, {"draws": self.draws, **own[1]}

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`; raises :class:`DataLoss` if something is missing."""
        # Artifacts from before there were own effects have neither, and decide as they did.
        known = "action_ids" in parameters or "own_effects" in tensors
        return cls(
            draws=tensor(tensors, "draws", np.float64, 3),
            schema_digest=str(parameter(parameters, "schema_digest")),
            action_features=tuple(parameter(parameters, "action_features")),
            exploration=float(parameter(parameters, "exploration")),
            own_effects=OwnEffects.from_state(parameters, tensors) if known else None,
        )
