"""What tells one schema from another, in words."""

from __future__ import annotations

from collections.abc import Set

Part = tuple[str, ...]
"""Kind and name of one thing in a schema, then whatever defines it."""


def differences(own: Set[Part], found: Set[Part]) -> tuple[str, ...]:
    """Where ``found`` is not ``own``, in words; sorted."""
    ours, theirs = ({(row[0], row[1]) for row in rows} for rows in (own, found))
    changed = {(row[0], row[1]) for row in found - own} & ours
    return tuple(
        [f"the {kind} {name!r} is not ours" for kind, name in sorted(theirs - ours)]
        + [f"the {kind} {name!r} is gone" for kind, name in sorted(ours - theirs)]
        + [f"the {kind} {name!r} was changed" for kind, name in sorted(changed)]
    )
