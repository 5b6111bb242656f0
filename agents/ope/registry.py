"""Which estimators there are: a module each in the families, and those of packages."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from agents.ope.estimator import Estimator
from troth.extensions import Group
from troth.registry import Registry

FAMILIES = ("agents.ope.one_step",)
"""Folders whose modules are an estimator each, by the name of the module."""
_OBJECT = "ESTIMATOR"


def _own() -> dict[str, str]:
    """Where each lies: those that need least first, then by name."""
    found = {
        module.name: f"{family}.{module.name}"
        for family in FAMILIES
        for module in iter_modules(import_module(family).__path__)
    }
    cost = {name: getattr(import_module(at), _OBJECT).costliest for name, at in found.items()}
    ordered = sorted(found, key=lambda name: (cost[name], name))
    return {name: f"{found[name]}:{_OBJECT}" for name in ordered}


def _estimator(found: object) -> Estimator:
    if not isinstance(found, Estimator):
        raise TypeError("it is no agents.ope.estimator.Estimator")
    if not found.needs:
        raise TypeError("it needs nothing of the log")
    return found


ESTIMATORS = Registry(Group.ESTIMATORS, _own(), _estimator)
"""Estimators by the name that commands, configurations and results call them."""
