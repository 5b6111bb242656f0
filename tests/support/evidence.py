"""Evidence as a board is shown it."""

from __future__ import annotations

from typing import Any


def evidence(policy_digest: str, guardrails_digest: str, **changes: Any) -> dict[str, Any]:
    """A complete case for a policy against RFM rules; ``changes`` replace its keys."""
    return {
        "policy_digest": policy_digest,
        "guardrails_digest": guardrails_digest,
        "scenario": {"name": "reference", "digest": "5" * 64},
        "customers": 4000,
        "days": 28,
        "guarded": False,
        "currency": "USD",
        "level": 0.95,
        "compared_with": {"name": "RFM rules", "policy_digest": None},
        "figures": [
            figure("money", (2.19, 1.96, 2.42), (1.25, 1.13, 1.37)),
            figure("contacts", (4.13, 4.05, 4.21), (6.0, 5.91, 6.09)),
            figure("opt_outs", (0.0032, 0.002, 0.0049), (0.0039, 0.0026, 0.0056)),
        ],
        **changes,
    }


def figure(
    name: str, proposed: tuple[float, float, float], compared: tuple[float, float, float]
) -> dict[str, Any]:
    """One of the figures, each value with its interval."""
    keys = ("value", "low", "high")
    return {
        "name": name,
        "proposed": dict(zip(keys, proposed, strict=True)),
        "compared": dict(zip(keys, compared, strict=True)),
    }
