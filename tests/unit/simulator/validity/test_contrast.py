"""Counterfactual twins, and what is built on them."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import load
from simulator.validity.contrast import contrast
from simulator.validity.populations import messages, newcomers, rested, send
from simulator.validity.study import Study
from simulator.world import World
from troth.catalogue import Channel, OfferKind


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A small study of the reference scenario."""
    return Study(load(), 1500, 11, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def world(study: Study) -> World:
    """Members without recent contacts."""
    return rested(study)


def test_the_same_action_makes_no_difference(world: World) -> None:
    """Twins who are treated alike live alike: the chances are common."""
    action = int(messages(world, Channel.EMAIL)[0])
    found = contrast(world, action, 10, against=action, replicates=2)
    assert not found.orders.any()
    assert not found.spend.any()
    assert found.without.sum() > 0


def test_the_world_is_left_as_it_is(world: World) -> None:
    """An experiment on twins moves neither the day nor the state of the world it starts from."""
    before = world.contexts().raw.copy()
    contrast(world, int(messages(world, Channel.EMAIL)[0]), 5)
    assert world.day == 0
    assert np.array_equal(world.contexts().raw, before, equal_nan=True)


def test_a_contact_changes_something(world: World) -> None:
    """An offer moves some of those who may be sent it, and only they take part."""
    action = int(messages(world, Channel.SMS, (OfferKind.DISCOUNT,))[0])
    found = contrast(world, action, 14, replicates=4)
    assert found.added_orders().any()
    assert found.member.size == 4 * int(world.mask()[:, action].sum())


def test_messages_are_of_the_channel_and_kind(world: World) -> None:
    """The message with the widest reach comes first."""
    columns = messages(world, Channel.EMAIL, (OfferKind.CONTENT,))
    actions = [world.catalogue.actions[at] for at in columns]
    assert {(a.channel, a.kind) for a in actions} == {(Channel.EMAIL, OfferKind.CONTENT)}
    reach = world.mask()[:, columns].sum(axis=0)
    assert (np.diff(reach) <= 0).all()


def test_send_respects_the_mask(world: World) -> None:
    """Nobody is sent what they may not be sent, however due."""
    action = int(messages(world, Channel.PUSH)[0])
    chosen = send(world, action, np.ones(world.size, dtype=np.bool_))
    assert ((chosen == action) == world.mask()[:, action]).all()
    assert set(np.unique(chosen)) == {0, action}


def test_newcomers_have_no_past(study: Study) -> None:
    """Members of a cohort joined yesterday, all of them, and were never contacted."""
    cohort = newcomers(study)
    contexts = cohort.contexts()
    tenure = contexts.raw[:, contexts.schema.index("tenure_days")]
    assert (tenure == tenure[0]).all()
    assert tenure[0] <= 1.0
    assert (contexts.raw[:, contexts.schema.index("contacts_28d")] == 0.0).all()
