"""Channels: who can be reached, who likes which, and when they look.

    affinity_ic = exp(s_c * z_ic - s_c**2 / 2) * exp(s_e * z_i - s_e**2 / 2) * hour_ic
    hour_ic     = exp(k * cos(2 pi (h_i - h_c) / 24)) / I0(k)

with s_c the channel's spread, s_e that of a person's openness to contacts at all, h_i the hour
at which they look at messages and h_c the one at which the channel speaks; mean 1 where hours
are spread evenly. A customer permits a channel with the channel's ``reach``. Hidden from
policies: they see permissions and past clicks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0, ndtri

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.model.rules import Records
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS

Float = NDArray[np.float64]

EVERY_CHANNEL = (1 << len(CHANNELS)) - 1


def log_normal(sigma: float | Float, quantile: Float) -> Float:
    """Log-normal factors of mean 1 from uniforms, float64 of the common shape."""
    return np.asarray(np.exp(sigma * ndtri(quantile) - 0.5 * np.square(sigma)), dtype=np.float64)


def draw_hours(scenario: Scenario, quantile: Float) -> Float:
    """Hour of the day at which each person looks at messages, float64 (n,) in [0, 24)."""
    people = scenario.population
    hours: Float = (people.active_hour + people.active_hour_sd * ndtri(quantile)) % 24.0
    return hours


def draw_affinity(
    scenario: Scenario,
    channels: Records,
    openness: Float,
    hours: Float,
    seed: int,
    index: NDArray[np.int64],
) -> NDArray[np.float32]:
    """float32 (C, n): the factors above; ``openness`` (n,) is the personal one."""
    keen = scenario.population.hour_sensitivity
    affinity = np.ones((len(CHANNELS), index.shape[0]), dtype=np.float32)
    for c in range(1, len(CHANNELS)):
        u = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_CHANNEL, step=c)[0]
        apart = 2.0 * np.pi * (hours - channels["send_hour"][c]) / 24.0
        timely = np.exp(keen * np.cos(apart)) / i0(keen)
        affinity[c] = openness * log_normal(float(channels["affinity_sigma"][c]), u) * timely
    return affinity


def draw_permits(channels: Records, seed: int, index: NDArray[np.int64]) -> NDArray[np.int32]:
    """int32 (n,): bit c is set if channel c was agreed to on joining; bit 0 always is."""
    permits = np.ones(index.shape[0], dtype=np.int32)
    for c in range(1, len(CHANNELS)):
        u = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_REACH, step=c)[0]
        permits |= (u < channels["reach"][c]).astype(np.int32) << c
    return permits


def permitted(permits: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Bool (n, C) from the bits (n,)."""
    return ((permits[:, None] >> np.arange(len(CHANNELS))) & 1).astype(bool)
