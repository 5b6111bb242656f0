"""The catalogue: validation, digest, features, candidates."""

from __future__ import annotations

import numpy as np
import pytest

from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.errors import InvalidArgument, NotFound

NOTHING = NO_CONTACT_ACTION


def mail(action_id: str = "welcome_mail", **changes: object) -> Action:
    """An e-mail with a discount."""
    row = {
        "action_id": action_id,
        "journey": "welcome",
        "step": 1,
        "offer": "ten_percent",
        "kind": OfferKind.DISCOUNT,
        "channel": Channel.EMAIL,
        "cost_minor": 1,
        "discount": 0.1,
    }
    return Action(**{**row, **changes})  # type: ignore[arg-type]


@pytest.fixture
def catalogue() -> Catalogue:
    """No contact, an e-mail and a text message."""
    sms = mail("points_sms", journey="points", channel=Channel.SMS, discount=0.0, points=250)
    return Catalogue((NOTHING, mail(), sms), ("welcome", "points"))


def test_survives_the_round_trip(catalogue: Catalogue) -> None:
    """To plain values and back is the same catalogue with the same digest."""
    again = Catalogue.from_dict(catalogue.to_dict())
    assert again == catalogue
    assert again.digest == catalogue.digest


def test_digest_sees_every_field(catalogue: Catalogue) -> None:
    """A change of one minor unit changes the digest."""
    dearer = Catalogue((NOTHING, mail(cost_minor=2), catalogue.actions[2]), catalogue.journeys)
    assert dearer.digest != catalogue.digest


def test_features_by_hand(catalogue: Catalogue) -> None:
    """No contact is all zero; an action has its one-hots and scaled numbers."""
    named = dict(zip(catalogue.feature_names, catalogue.features[1], strict=True))
    assert not catalogue.features[0].any()
    on = {name: value for name, value in named.items() if value}
    assert on == {
        "contact": 1.0,
        "channel=email": 1.0,
        "kind=discount": 1.0,
        "journey=welcome": 1.0,
        "discount_per_10pc": 1.0,
        "cost_per_unit": 0.01,
    }


def test_candidates_follow_triggered_journeys(catalogue: Catalogue) -> None:
    """Only triggered journeys offer actions; no contact is always there."""
    mask = catalogue.candidates(np.array([[True, False], [False, False], [True, True]]))
    assert mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]
    with pytest.raises(InvalidArgument, match="triggered"):
        catalogue.candidates(np.array([[True]]))


@pytest.mark.parametrize(
    ("actions", "field"),
    [
        ((mail(),), r"actions\[0\]"),
        ((NOTHING, mail(), mail()), r"actions\[2\]\.action_id"),
        ((NOTHING, mail(journey="nowhere")), r"actions\[1\]\.journey"),
    ],
)
def test_a_broken_catalogue_names_the_row(actions: tuple[Action, ...], field: str) -> None:
    """Order, uniqueness and journeys are checked, naming the row."""
    with pytest.raises(InvalidArgument, match=field):
        Catalogue(actions, ("welcome", "points"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"discount": 1.5}, "discount"),
        ({"cost_minor": -1}, "cost_minor"),
        ({"points": -5}, "points"),
        ({"kind": OfferKind.NONE}, "channel"),
        ({"action_id": "Loud"}, "action_id"),
    ],
)
def test_a_broken_action_names_the_field(changes: dict[str, object], field: str) -> None:
    """Each field out of range is named."""
    with pytest.raises(InvalidArgument, match=field):
        mail(**changes)


def test_from_dict_names_unknown_keys_and_values(catalogue: Catalogue) -> None:
    """A typo in a file is told, not dropped."""
    data = catalogue.to_dict()
    data["actions"][1]["colour"] = "red"
    with pytest.raises(InvalidArgument, match=r"actions\[1\].*colour"):
        Catalogue.from_dict(data)
    data = catalogue.to_dict()
    data["actions"][2]["channel"] = "pigeon"
    with pytest.raises(InvalidArgument, match=r"actions\[2\].*pigeon"):
        Catalogue.from_dict(data)


def test_unknown_action(catalogue: Catalogue) -> None:
    """Looking up an unknown id is a typed error."""
    assert catalogue.index("points_sms") == 2
    with pytest.raises(NotFound, match="no_such"):
        catalogue.index("no_such")
