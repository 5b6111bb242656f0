"""Channels: who can be reached, who likes which, what arrives.

    affinity_ic = exp(s_c * z_ic - s_c**2 / 2) * exp(s_e * z_i - s_e**2 / 2),   mean 1

with s_c the channel's spread and s_e that of a person's openness to contacts at all. A
customer permits a channel with the channel's ``reach``. Hidden from policies: they see
permissions and past clicks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator import kernel
from simulator.purposes import Purpose
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ChannelTable:
    """The scenario's channels as columns of length C; row 0, *none*, is neutral."""

    response: Float
    affinity_sigma: Float
    reach: Float
    delivery: Float
    opened: Float
    clicked: Float
    opt_out: Float
    wear: Float
    recovery_days: Float
    sends_per_year: Float

    @classmethod
    def of(cls, scenario: Scenario) -> ChannelTable:
        """The columns in the order of :data:`troth.catalogue.CHANNELS`."""

        def column(name: str, none: float) -> Float:
            values = [getattr(scenario.channels[c], name) for c in CHANNELS[1:]]
            return np.array([none, *values], dtype=np.float64)

        return cls(
            response=column("response", 0.0),
            affinity_sigma=column("affinity_sigma", 0.0),
            reach=column("reach", 1.0),
            delivery=column("delivery", 0.0),
            opened=column("opened", 0.0),
            clicked=column("clicked", 1.0),
            opt_out=column("opt_out", 0.0),
            wear=column("wear", 0.0),
            recovery_days=column("recovery_days", 1.0),
            sends_per_year=column("sends_per_year", 0.0),
        )


def log_normal(sigma: float | Float, quantile: Float) -> Float:
    """Log-normal factors of mean 1 from uniforms, float64 of the common shape."""
    return np.asarray(np.exp(sigma * ndtri(quantile) - 0.5 * np.square(sigma)), dtype=np.float64)


def draw_affinity(
    table: ChannelTable, openness: Float, seed: int, index: NDArray[np.int64]
) -> NDArray[np.float32]:
    """float32 (C, n): the factors above; ``openness`` (n,) is the personal one."""
    affinity = np.ones((len(CHANNELS), index.shape[0]), dtype=np.float32)
    for c in range(1, len(CHANNELS)):
        u = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_CHANNEL, step=c)[0]
        affinity[c] = openness * log_normal(float(table.affinity_sigma[c]), u)
    return affinity


def draw_permits(table: ChannelTable, seed: int, index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Bool (C, n): reachable and agreed to on joining; row 0 is true."""
    permits = np.ones((len(CHANNELS), index.shape[0]), dtype=bool)
    for c in range(1, len(CHANNELS)):
        u = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_REACH, step=c)[0]
        permits[c] = u < table.reach[c]
    return permits
