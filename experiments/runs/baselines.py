"""The policies that need no training: what every run compares with, by the names they go by.

Whatever takes a policy by name takes these: runs, reports, ``troth live``. The names cost no
import of the policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agents.policies.storable import StorablePolicy

UNIFORM, NEVER_CONTACT, RFM = "uniform", "never_contact", "rfm"

ORACLE = "oracle"
"""The one-step oracle, which bounds them from above; it needs a world, and is no baseline."""


def _uniform() -> StorablePolicy:
    from agents.policies.uniform import UniformPolicy

    return UniformPolicy()


def _never_contact() -> StorablePolicy:
    from agents.policies.uniform import NeverContact

    return NeverContact()


def _rfm() -> StorablePolicy:
    from agents.baselines.rfm import RfmRules

    return RfmRules()


_MAKERS: Mapping[str, Callable[[], StorablePolicy]] = {
    UNIFORM: _uniform,
    NEVER_CONTACT: _never_contact,
    RFM: _rfm,
}

NAMES = tuple(_MAKERS)


def baselines() -> dict[str, StorablePolicy]:
    """Every baseline by name, made anew: uniform over eligible, never contact, RFM rules."""
    return {name: make() for name, make in _MAKERS.items()}
