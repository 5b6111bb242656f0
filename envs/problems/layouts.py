"""Compiled passes over a population: which actions are possible, and which contacts they are.

Passes that run every morning go message by message (or channel by channel) over all
customers, without branches, so that the compiler vectorises them. Numba's cache watches only
the file of a compiled function: those called here are of this file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Words = NDArray[np.uint64]
Float32 = NDArray[np.float32]


@compiled
def _meet(hits: Words, words: Words, contacts: Words) -> None:
    """``hits`` (n,) is not 0 where a customer's columns, words (W, n), meet ``contacts`` (W,)."""
    hits[:] = 0
    for w in range(words.shape[0]):
        wanted = contacts[w]
        for i in range(hits.shape[0]):
            hits[i] |= words[w, i] & wanted


@compiled
def see_message(
    given: Int32,
    mask: Bool,
    extras: Float32,
    eligible: Bool,
    words: Words,
    turn: Int64,
    contacts: Words,
    journey: Int64,
    share: Float32,
    table: Int64,
) -> None:
    """The most pressing message that can reach each customer, and its channels.

    Args:
        given: int32 (n,), written: the message, M where there is none.
        mask: bool (n, C), written.
        extras: float32 (J, n), written: the message's step over its journey's steps.
        eligible: bool (n, K).
        words: uint64 (W, n), the same as bits.
        turn: int64 (J,), the day's messages from the most to the least pressing.
        contacts: uint64 (M, W), columns of each message.
        journey: int64 (M,), the journey of each message.
        share: float32 (M,), its step over the journey's steps.
        table: int64 (M + 1, C), column of each message and channel, 0 where there is none.
    """
    hits = np.empty(given.shape[0], dtype=np.uint64)
    given[:] = contacts.shape[0]
    for r in range(turn.shape[0] - 1, -1, -1):
        m = np.int32(turn[r])
        _meet(hits, words, contacts[m])
        for i in range(given.shape[0]):
            given[i] = m if hits[i] != 0 else given[i]
    extras[:] = 0.0
    for i in range(given.shape[0]):
        m = given[i]
        mask[i, 0] = True
        for c in range(1, mask.shape[1]):
            k = table[m, c]
            mask[i, c] = eligible[i, k] & (k > 0)
        if m < contacts.shape[0]:
            extras[journey[m], i] = share[m]


@compiled
def see_channel(
    given: Int32,
    mask: Bool,
    extras: Float32,
    words: Words,
    encoded: Float32,
    response: Int64,
    contacts: Words,
    offers: Words,
) -> None:
    """The open channel that each customer prefers, and the offers that can be made on it.

    Args:
        given: int32 (n,), written: the channel, 0 where none is open.
        mask: bool (n, A), written.
        extras: float32 (C - 1, n), written: 1 for the channel given.
        words: uint64 (W, n), the eligible columns.
        encoded: float32 (D, n).
        response: int64 (C,), rows of ``encoded`` with each channel's response.
        contacts: uint64 (C, W), columns of each channel.
        offers: uint64 (A, W, C), columns of each offer and channel.
    """
    n = given.shape[0]
    hits, best = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.float32)
    given[:] = 0
    best[:] = -np.inf
    extras[:] = 0.0
    for c in range(1, contacts.shape[0]):
        _meet(hits, words, contacts[c])
        liking = encoded[response[c]]
        for i in range(n):
            better = (hits[i] != 0) & (liking[i] > best[i])
            given[i] = np.int32(c) if better else given[i]
            best[i] = liking[i] if better else best[i]
    mask[:, 0] = True
    for a in range(1, mask.shape[1]):
        hits[:] = 0
        for w in range(words.shape[0]):
            wanted = offers[a, w]
            for i in range(n):
                hits[i] |= words[w, i] & wanted[given[i]]
        for i in range(n):
            mask[i, a] = hits[i] != 0
    for i in range(n):
        if given[i] > 0:
            extras[given[i] - 1, i] = 1.0


@compiled
def see_journeys(
    mask: Bool, extras: Float32, words: Words, day: int, first: Int64, steps: Int64, contacts: Words
) -> None:
    """Which journeys can reach each customer, and the step each would send.

    Args:
        mask: bool (n, J + 1), written.
        extras: float32 (J, n), written: the step over the journey's steps, 0 if there is none.
        words: uint64 (W, n), the eligible columns.
        day: whose turn it is.
        first: int64 (J,), see :class:`envs.problems.messages.Messages`.
        steps: int64 (J,), see there.
        contacts: uint64 (M, W), columns of each message.
    """
    n = mask.shape[0]
    hits = np.empty(n, dtype=np.uint64)
    mask[:, 0] = True
    for j in range(first.shape[0]):
        told = extras[j]
        told[:] = 0.0
        for later in range(steps[j] - 1, -1, -1):
            step = (day + later) % steps[j]
            _meet(hits, words, contacts[first[j] + step])
            share = np.float32((step + 1.0) / steps[j])
            for i in range(n):
                told[i] = share if hits[i] != 0 else told[i]
        for i in range(n):
            mask[i, j + 1] = told[i] > 0.0


@compiled
def first_eligible(
    served: Int64, actions: Int64, given: Int32, eligible: Bool, candidates: Int64
) -> None:
    """The first eligible of the columns that stand for what is given and the action.

    Args:
        served: int64 (n,), written; 0 where none is.
        actions: int64 (n,).
        given: int32 (n,).
        eligible: bool (n, K).
        candidates: int64 (G, A, R), columns in order, 0 behind the last.
    """
    for i in range(served.shape[0]):
        served[i] = 0
        for r in range(candidates.shape[2]):
            k = candidates[given[i], actions[i], r]
            if k == 0:
                break
            if eligible[i, k]:
                served[i] = k
                break


@compiled
def _send(
    i: int,
    journey: int,
    eligible: Bool,
    encoded: Float32,
    response: Int64,
    day: int,
    first: Int64,
    steps: Int64,
    messages: Int64,
    channel: Int64,
) -> int:
    """What a journey sends customer i, 0 if nothing can reach them.

    The step in turn or the next that can, on the channel of it that they prefer.
    """
    chosen, best = 0, np.float32(0.0)
    for later in range(steps[journey]):
        m = first[journey] + (day + later) % steps[journey]
        for r in range(messages.shape[1]):
            k = messages[m, r]
            if eligible[i, k] and k > 0:
                liking = encoded[response[channel[k]], i]
                equal = liking == best and channel[k] < channel[chosen]
                if chosen == 0 or liking > best or equal:
                    chosen, best = k, liking
        if chosen > 0:
            break
    return chosen


@compiled
def send(
    served: Int64,
    actions: Int64,
    eligible: Bool,
    encoded: Float32,
    response: Int64,
    day: int,
    first: Int64,
    steps: Int64,
    messages: Int64,
    channel: Int64,
) -> None:
    """The contact of the journey that each customer's action names.

    Args:
        served: int64 (n,), written; 0 for action 0 and where the journey cannot reach them.
        actions: int64 (n,), 1 + the journey.
        eligible: bool (n, K).
        encoded: float32 (D, n).
        response: int64 (C,), rows of ``encoded`` with each channel's response.
        day: whose turn it is.
        first: int64 (J,), see :class:`envs.problems.messages.Messages`.
        steps: int64 (J,), see there.
        messages: int64 (M, R), columns of each message, 0 behind the last.
        channel: int64 (K,) of each action.
    """
    for i in range(served.shape[0]):
        served[i] = 0
        if actions[i] > 0:
            served[i] = _send(
                i, actions[i] - 1, eligible, encoded, response, day, first, steps, messages, channel
            )


@compiled
def send_plainly(
    served: Int64,
    first_customer: int,
    priority: Int64,
    eligible: Bool,
    day: int,
    first: Int64,
    steps: Int64,
    messages: Int64,
    cost: Int64,
) -> None:
    """One contact a week for everybody, from the most pressing journey that can reach them.

    Args:
        served: int64 (n,), written; 0 on the other days of their week.
        first_customer: number of the first; the weekday of number i is ``i mod 7``.
        priority: int64 (J,), see :class:`envs.problems.messages.Messages`.
        eligible: bool (n, K).
        day: whose turn it is.
        first: int64 (J,), see :class:`envs.problems.messages.Messages`.
        steps: int64 (J,), see there.
        messages: int64 (M, R), columns of each message, 0 behind the last.
        cost: int64 (K,) of each action.
    """
    served[:] = 0
    for i in range((day - first_customer) % 7, served.shape[0], 7):
        for j in priority:
            for later in range(steps[j]):
                m = first[j] + (day + later) % steps[j]
                for r in range(messages.shape[1]):
                    k = messages[m, r]
                    cheaper = served[i] == 0 or cost[k] < cost[served[i]]
                    if eligible[i, k] and k > 0 and cheaper:
                        served[i] = k
                if served[i] > 0:
                    break
            if served[i] > 0:
                break
