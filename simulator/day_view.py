"""A morning: what is so before anybody decides, worked out when it is asked for.

The raw features, what of them the firm is shown, which actions are eligible, and what each is
expected to bring. It belongs to one day; the world makes a new one every night.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.threads import Threads
from simulator.day.expectation import expect, margins
from simulator.model.rules import Rules, hidden
from simulator.state.population import Population
from simulator.view.encoder import Encoder
from simulator.view.feature_cache import FeatureCache
from simulator.view.observation import eligible, first_refused
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.objective import COMPONENTS

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

_EVERYTHING = np.empty((0, 0), dtype=np.int64)


class OpenBits(NamedTuple):
    """What is open to each customer.

    Attributes:
        mask: bool (n, K), eligible actions.
        triggered: uint32 (n,), bit j for journey j.
        words: uint32 (n,), bits of journeys and channels; see
            :func:`simulator.view.observation.eligible`.
    """

    mask: Bool
    triggered: NDArray[np.uint32]
    words: NDArray[np.uint32]


class DayView:
    """One morning of a population.

    Args:
        rules: parameters.
        people: everyone, as they stand.
        seed: of the world.
        day: days since day 0.
        sight: what the firm sees of them.
        encoder: of the scenario's schema.
        threads: who does the work.
    """

    def __init__(
        self,
        rules: Rules,
        people: Population,
        seed: int,
        day: int,
        sight: FeatureCache,
        encoder: Encoder,
        threads: Threads,
    ) -> None:
        self._rules, self._people, self._day = rules, people, day
        self._sight, self._encoder, self._threads = sight, encoder, threads
        self.today = rules.today(seed, day)
        self._open: OpenBits | None = None

    def of(self, people: Population, sight: FeatureCache) -> DayView:
        """The same morning for a copy of the population."""
        twin = copy(self)
        twin._people, twin._sight = people, sight
        twin.__dict__.pop("raw", None)  # it is the other's memory
        twin._open = None  # and this may be written over
        return twin

    @cached_property
    def raw(self) -> NDArray[np.float32]:
        """float32 (F, n), the raw features; overwritten on the next morning."""
        rules, sight = self._rules, self._sight
        sight.refresh(self._people, rules, self.today, self._encoder, self._threads)
        columns = hidden(rules.scenario, self._day)
        if not columns:
            return sight.features
        raw = sight.features.copy()
        raw[columns] = np.nan
        return raw

    @cached_property
    def contexts(self) -> ContextBatch:
        """What the firm is shown of every customer."""
        raw = np.ascontiguousarray(self.raw.T)
        raw.setflags(write=False)
        return ContextBatch(self._rules.scenario.schema, raw)

    def observe(self, out: NDArray[np.float32]) -> None:
        """Write the encoded contexts to ``out``, float32 (D, n)."""
        raw = self.raw
        self._threads.run(out.shape[1], lambda a, b: self._encoder.write(out, raw, a, b))

    def _look(self, out: Bool | None = None) -> OpenBits:
        if self._open is not None:
            return self._open
        rules, people = self._rules, self._people
        section, catalogue = rules.scenario.fatigue, rules.scenario.catalogue
        mask = _memory(out, (len(people), len(catalogue)))
        triggered, words = np.empty((2, len(people)), dtype=np.uint32)
        raw = self.raw
        self._threads.run(
            len(people),
            lambda a, b: eligible(
                mask, triggered, words, raw, people.memory, a, b, rules.conditions,
                len(catalogue.journeys), rules.need, section.cap_contacts, section.cap_days,
                self.today.clock,
            ),
        )  # fmt: skip
        mask.setflags(write=False)
        self._open = OpenBits(mask, triggered, words)
        return self._open

    def mask(self, out: Bool | None = None) -> Bool:
        """Bool (n, K), read-only; written to ``out`` if it is yet to be worked out."""
        return self._look(out).mask

    @property
    def triggered(self) -> Bool:
        """Bool (n, J)."""
        journeys = np.arange(len(self._rules.scenario.catalogue.journeys), dtype=np.uint32)
        return ((self._look().triggered[:, None] >> journeys) & 1).astype(bool)

    def first_refused(self, actions: NDArray[np.int64]) -> int:
        """Position of the first of ``actions`` (n,) that is not eligible, or -1."""
        return first_refused(actions, self._look().words, self._rules.need)

    def expected(self, weights: Float, actions: NDArray[np.int64] | None) -> Float:
        """Expected components (5, n, A), or with ``weights`` (5,) the reward (1, n, A).

        A is 1 with ``actions`` (n,), else K.
        """
        rules, people, today = self._rules, self._people, self.today
        chosen = _EVERYTHING
        if actions is not None:
            chosen = columns(actions, len(people), len(rules.scenario.catalogue))[:, None]
        width = len(rules.scenario.catalogue) if actions is None else 1
        out = np.empty((1 if weights.size else len(COMPONENTS), len(people), width))
        self._threads.run(
            len(people),
            lambda a, b: expect(
                out,
                weights,
                chosen,
                people.memory,
                a,
                b,
                rules.event_chances,
                today.tables,
                rules.par,
                today.record,
            ),
        )
        return out

    def margins(self) -> Float:
        """Expected margin of one purchase today, float64 (n,), minor units."""
        rules, people, today = self._rules, self._people, self.today
        out = np.empty(len(people))
        self._threads.run(
            len(people),
            lambda a, b: margins(out, people.memory, a, b, today.tables, rules.par, today.record),
        )
        return out


def _memory(out: Bool | None, shape: tuple[int, int]) -> Bool:
    """``out``, ready to be written to, or fresh memory."""
    if out is None:
        return np.empty(shape, dtype=bool)
    if out.shape != shape or out.dtype != bool or out.base is not None:
        raise InvalidArgument(
            f"{out.dtype} {out.shape} is no earlier mask of {shape[0]} customers and "
            f"{shape[1]} actions",
            field="out",
        )
    out.setflags(write=True)
    return out


def columns(actions: NDArray[np.int64], size: int, width: int) -> NDArray[np.int64]:
    """``actions`` as contiguous int64 (size,), each in 0..width-1: kernels do not look again.

    Raises:
        InvalidArgument: for a wrong shape or type, or naming the first that is outside.
    """
    actions = np.asarray(actions)
    if actions.shape != (size,) or actions.dtype.kind not in "iu":
        raise InvalidArgument(
            f"{actions.dtype} {actions.shape} is not integer ({size},)", field="actions"
        )
    if size and not 0 <= actions.min() <= actions.max() < width:
        at = int(np.argmax((actions < 0) | (actions >= width)))
        raise InvalidArgument(f"{actions[at]} is outside 0..{width - 1}", field=f"actions[{at}]")
    return np.ascontiguousarray(actions, dtype=np.int64)
