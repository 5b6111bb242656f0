"""Which learners there are."""

from __future__ import annotations

from agents.learners.learner import EnvLearner, Learner, LogLearner, OnlineLearner
from troth.extensions import Group
from troth.registry import Registry

WAYS = {
    LogLearner: "from a log",
    OnlineLearner: "batch after batch",
    EnvLearner: "by acting",
}
"""How a learner may learn: by exactly one of these."""


def way_of(kind: type[Learner]) -> str:
    """How a kind of learner learns, in words."""
    return next(words for way, words in WAYS.items() if issubclass(kind, way))


def _learner(found: object) -> type[Learner]:
    if not (isinstance(found, type) and issubclass(found, Learner)):
        raise TypeError("it is no subclass of agents.learners.learner.Learner")
    if not isinstance(getattr(found, "title", None), str):
        raise TypeError("it has no title")
    ways = [way.__name__ for way in WAYS if issubclass(found, way)]
    if len(ways) != 1:
        names = ", ".join(way.__name__ for way in WAYS)
        raise TypeError(f"it is {' and '.join(ways) or 'none'} of {names}, not exactly one")
    return found


LEARNERS = Registry(
    Group.LEARNERS,
    {
        "linear_thompson": "agents.learners.bandits.linear_thompson:LinearThompson",
        "online_linear_thompson": (
            "agents.learners.bandits.online_linear_thompson:OnlineLinearThompson"
        ),
        "masked_ppo": "agents.learners.rl.masked_ppo:MaskedPpo",
    },
    _learner,
)
"""Kinds of learner, by the name that configurations call them."""
