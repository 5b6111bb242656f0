"""The kinds of policy that an artifact may hold."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from agents.baselines.rfm import RfmRules
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.network import NetworkPolicy
from agents.policies.storable import StorablePolicy
from agents.policies.uniform import NeverContact, UniformPolicy
from troth.errors import FailedPrecondition
from troth.policy import Policy

_CLASSES: tuple[type[StorablePolicy], ...] = (
    UniformPolicy,
    NeverContact,
    RfmRules,
    LinearThompsonPolicy,
    NetworkPolicy,
)

KINDS: Mapping[str, type[StorablePolicy]] = MappingProxyType({c.kind: c for c in _CLASSES})
"""Class of each kind. A kind that is not here can be neither saved nor loaded."""


def kind_of(policy: Policy) -> str:
    """The registered kind of ``policy``.

    Raises:
        FailedPrecondition: if its class is not registered.
    """
    for kind, cls in KINDS.items():
        if type(policy) is cls:
            return kind
    raise FailedPrecondition(
        f"{type(policy).__name__} is not one of {', '.join(KINDS)}", field="policy"
    )


def class_of(kind: str) -> type[StorablePolicy]:
    """The class of ``kind``; raises :class:`FailedPrecondition` if it is not registered."""
    try:
        return KINDS[kind]
    except KeyError:
        raise FailedPrecondition(
            f"{kind!r} is not one of {', '.join(KINDS)}", field="kind"
        ) from None
