"""Which weights share a prior variance."""

from __future__ import annotations

from agents.learners.bandits.empirical_bayes import FLAT
from agents.learners.bandits.prior_groups import prior_groups

COLUMNS = ("age", "response_email", "response_sms", "discount_affinity", "emailed")
ACTIONS = ("contact", "channel=email", "channel=sms", "kind=discount", "cost_per_unit")
KNOWN = 7
ALL = prior_groups(COLUMNS, ACTIONS, KNOWN)
SHARED = (len(COLUMNS) + 1) * (len(ACTIONS) + 1)
GROUPS = ALL[:SHARED].reshape(len(COLUMNS) + 1, len(ACTIONS) + 1)


def group(column: str, feature: str) -> int:
    """Group of one weight, by names; empty is the constant."""
    return int(GROUPS[("", *COLUMNS).index(column), ("", *ACTIONS).index(feature)])


def test_constant_is_not_shrunk() -> None:
    """The mean reward has no prior, everything else does."""
    assert group("", "") == FLAT
    assert (GROUPS == FLAT).sum() == 1


def test_numbers_are_consecutive() -> None:
    """Groups count from 0 without holes."""
    assert set(ALL) == {FLAT, *range(ALL.max() + 1)}


def test_families_share_main_effects_and_interactions() -> None:
    """Channels have one variance alone and another with the context."""
    assert group("", "channel=email") == group("", "channel=sms") != group("", "kind=discount")
    assert group("age", "channel=email") == group("age", "channel=sms")
    assert group("age", "channel=email") not in {
        group("", "channel=email"),
        group("age", "contact"),
    }


def test_what_is_about_the_actions_own_level_stands_apart() -> None:
    """Response to mail matters for mail: a group with that of texts for texts, no other."""
    own = group("response_email", "channel=email")
    assert own == group("response_sms", "channel=sms")
    assert (own == GROUPS).sum() == 2
    assert group("response_email", "channel=sms") == group("age", "channel=sms")
    assert (group("discount_affinity", "kind=discount") == GROUPS).sum() == 1
    assert group("emailed", "channel=email") == group("age", "channel=email")


def test_own_effects_are_a_group_of_their_own() -> None:
    """All actions' own effects have one variance, which no shared weight has."""
    assert len(ALL) == SHARED + KNOWN
    assert set(ALL[SHARED:]) == {GROUPS.max() + 1}
