"""What the firm sees, kept up to date: features are looked at again where something happened."""

from __future__ import annotations

import numpy as np

from simulator.compiled.threads import Threads
from simulator.model.rules import Rules, Today
from simulator.state.population import Population
from simulator.view.encoder import Encoder
from simulator.view.observation import passing_features, settled_features


class FeatureCache:
    """Raw features of a population, as of one morning.

    Args:
        size: customers.
        width: raw features.

    Attributes:
        features: float32 (F, n); a day writes those of the people to whom something happens
            (:func:`simulator.day.day.step`), :meth:`refresh` the rest.
        settled: whether the former are up to date.
    """

    def __init__(self, size: int, width: int) -> None:
        self.features = np.empty((width, size), dtype=np.float32)
        self.settled = False

    def refresh(
        self, people: Population, rules: Rules, today: Today, encoder: Encoder, threads: Threads
    ) -> None:
        """Bring the features to this morning."""

        def look(start: int, stop: int) -> None:
            if not self.settled:
                settled_features(
                    self.features, people.memory, start, stop, encoder.bounds, today.tables,
                    rules.par, today.clock,
                )  # fmt: skip
            passing_features(
                self.features, people.memory, start, stop, encoder.bounds, today.record
            )

        threads.run(len(people), look)
        self.settled = True
