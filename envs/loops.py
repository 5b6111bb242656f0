"""The environments' compiled loops over customers: laying out, serving, weighing.

Numba's cache watches only the file of a compiled function, so that none of these calls a
compiled function of another file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.kernel import compiled

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@compiled
def serve(served: Int64, refused: Bool, actions: Int64, mask: Bool, columns: Int64) -> int:
    """Turn actions into columns of the catalogue; what is not eligible becomes no contact.

    Args:
        served: int64 (n,), written.
        refused: bool (n,), written.
        actions: int64 (n,).
        mask: bool (n, A).
        columns: int64 (n, A), or (0, 0) where actions are columns themselves.

    Returns:
        The first row whose action is outside 0..A-1, or -1.
    """
    same = columns.shape[0] == 0
    width = mask.shape[1]
    for i in range(actions.shape[0]):
        a = actions[i]
        if a < 0 or a >= width:
            return i
        allowed = mask[i, a]
        refused[i] = not allowed
        served[i] = 0
        if allowed:
            served[i] = a if same else columns[i, a]
    return -1


@compiled
def pay(actions: Int64, broke: Bool, costs: Int64, left: int, begin: int) -> int:
    """Pay for contacts one customer after another; who cannot be paid for gets none.

    Args:
        actions: int64 (n,), changed to 0 where the budget does not suffice. One that is not
            an action is left to others to refuse.
        broke: bool (n,), set where it does not.
        costs: int64 (n, A).
        left: of the budget.
        begin: the customer who comes first.

    Returns:
        What is left afterwards.
    """
    n = actions.shape[0]
    for later in range(n):
        i = (begin + later) % n
        a = actions[i]
        if 0 <= a < costs.shape[1]:
            if costs[i, a] > left:
                actions[i] = 0
                broke[i] = True
            else:
                left -= costs[i, a]
    return left


@compiled
def weigh(
    out: Float64,
    margin: Int64,
    discount: Int64,
    points: Int64,
    contact: Int64,
    opt_outs: Int64,
    weights: Float64,
) -> None:
    """Weighted sum of the five components, written to ``out`` (n,).

    Args:
        out: float64 (n,).
        margin: int64 (n,), the first of :data:`troth.objective.COMPONENTS`.
        discount: int64 (n,), the second.
        points: int64 (n,), the third.
        contact: int64 (n,), the fourth.
        opt_outs: int64 (n,), the fifth.
        weights: float64 (5,).
    """
    for i in range(out.shape[0]):
        out[i] = (
            weights[0] * margin[i]
            + weights[1] * discount[i]
            + weights[2] * points[i]
            + weights[3] * contact[i]
            + weights[4] * opt_outs[i]
        )


@compiled
def lay_out_channels(
    columns: Int64,
    extras: Float32,
    eligible: Bool,
    turn: Int64,
    start: Int64,
    actions: Int64,
    channel: Int64,
) -> None:
    """The channels of the most pressing message that can reach each customer.

    Args:
        columns: int64 (n, C), written.
        extras: float32 (M, n), written: 1 for the message given.
        eligible: bool (n, K).
        turn: int64 (J,), the day's messages from the most to the least pressing.
        start: int64 (M + 1,), see :class:`envs.messages.Messages`.
        actions: int64 (K - 1,), see there.
        channel: int64 (K,) of each action.
    """
    columns[:] = -1
    extras[:] = 0.0
    for i in range(columns.shape[0]):
        columns[i, 0] = 0
        for m in turn:
            found = False
            for at in range(start[m], start[m + 1]):
                k = actions[at]
                if eligible[i, k]:
                    columns[i, channel[k]] = k
                    found = True
            if found:
                extras[m, i] = 1.0
                break


@compiled
def lay_out_offers(
    columns: Int64,
    extras: Float32,
    eligible: Bool,
    encoded: Float32,
    response: Int64,
    ordered: Int64,
    channel: Int64,
    offer: Int64,
) -> None:
    """The offers that can be made on each customer's preferred channel.

    Args:
        columns: int64 (n, O + 1), written.
        extras: float32 (C - 1, n), written: 1 for the channel given.
        eligible: bool (n, K).
        encoded: float32 (D, n).
        response: int64 (C,), rows of ``encoded`` with each channel's response.
        ordered: int64 (K - 1,), contacts from the most to the least pressing.
        channel: int64 (K,) of each action.
        offer: int64 (K,), action of this problem that each contact belongs to.
    """
    columns[:] = -1
    extras[:] = 0.0
    for i in range(columns.shape[0]):
        columns[i, 0] = 0
        given, best = 0, np.float32(-np.inf)
        for k in ordered:
            if eligible[i, k]:
                c = channel[k]
                liking = encoded[response[c], i]
                if liking > best or (liking == best and c < given):
                    given, best = c, liking
        if given > 0:
            extras[given - 1, i] = 1.0
            for k in ordered:
                if channel[k] == given and eligible[i, k] and columns[i, offer[k]] < 0:
                    columns[i, offer[k]] = k


@compiled
def lay_out_journeys(
    columns: Int64,
    extras: Float32,
    eligible: Bool,
    encoded: Float32,
    response: Int64,
    day: int,
    first: Int64,
    steps: Int64,
    start: Int64,
    actions: Int64,
    channel: Int64,
) -> None:
    """One contact per journey: the step in turn, on the preferred channel that it offers.

    A step that can reach the customer on no channel gives its turn to the next.

    Args:
        columns: int64 (n, J + 1), written.
        extras: float32 (J, n), written: the step over the journey's steps, 0 if there is none.
        eligible: bool (n, K).
        encoded: float32 (D, n).
        response: int64 (C,), rows of ``encoded`` with each channel's response.
        day: whose turn it is.
        first: int64 (J,), see :class:`envs.messages.Messages`.
        steps: int64 (J,), see there.
        start: int64 (M + 1,), see there.
        actions: int64 (K - 1,), see there.
        channel: int64 (K,) of each action.
    """
    for i in range(columns.shape[0]):
        columns[i, 0] = 0
        for j in range(first.shape[0]):
            chosen, share = -1, np.float32(0.0)
            for later in range(steps[j]):
                step = (day + later) % steps[j]
                m = first[j] + step
                best = np.float32(-np.inf)
                for at in range(start[m], start[m + 1]):
                    k = actions[at]
                    if eligible[i, k]:
                        liking = encoded[response[channel[k]], i]
                        equal = liking == best and channel[k] < channel[chosen]
                        if liking > best or equal:
                            chosen, best = k, liking
                if chosen >= 0:
                    share = np.float32((step + 1.0) / steps[j])
                    break
            columns[i, j + 1] = chosen
            extras[j, i] = share


@compiled
def choose_plainly(
    chosen: Int64,
    first_customer: int,
    day: int,
    eligible: Bool,
    encoded: Float32,
    response: Int64,
    priority: Int64,
    first: Int64,
    steps: Int64,
    start: Int64,
    actions: Int64,
    channel: Int64,
) -> None:
    """One contact a week for everybody: the most pressing message, on the preferred channel.

    Args:
        chosen: int64 (n,), written; 0 where it is not the customer's weekday or nothing can
            reach him.
        first_customer: number of the first; customer i's day of the week is ``i mod 7``.
        day: days since the episode began.
        eligible: bool (n, K).
        encoded: float32 (D, n).
        response: int64 (C,), rows of ``encoded`` with each channel's response.
        priority: int64 (J,), see :class:`envs.messages.Messages`.
        first: int64 (J,), see there.
        steps: int64 (J,), see there.
        start: int64 (M + 1,), see there.
        actions: int64 (K - 1,), see there.
        channel: int64 (K,) of each action.
    """
    chosen[:] = 0
    for i in range((day - first_customer) % 7, chosen.shape[0], 7):
        for j in priority:
            best = np.float32(-np.inf)
            for later in range(steps[j]):
                m = first[j] + (day + later) % steps[j]
                for at in range(start[m], start[m + 1]):
                    k = actions[at]
                    if eligible[i, k]:
                        liking = encoded[response[channel[k]], i]
                        equal = liking == best and channel[k] < channel[chosen[i]]
                        if liking > best or equal:
                            chosen[i], best = k, liking
                if chosen[i] > 0:
                    break
            if chosen[i] > 0:
                break
