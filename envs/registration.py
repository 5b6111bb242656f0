"""Which environments exist, under which versioned ids."""

from __future__ import annotations

import gymnasium

NEXT_BEST_ACTION = "troth/NextBestAction-v0"
CHANNEL_SELECTION = "troth/ChannelSelection-v0"
OFFER_CHOICE = "troth/OfferChoice-v0"
JOURNEY_ARBITRATION = "troth/JourneyArbitration-v0"
PROGRAMME_DESIGN = "troth/ProgrammeDesign-v0"

_CLASSES = {
    NEXT_BEST_ACTION: "envs.problems.next_best_action:NextBestAction",
    CHANNEL_SELECTION: "envs.problems.channel_selection:ChannelSelection",
    OFFER_CHOICE: "envs.problems.offer_choice:OfferChoice",
    JOURNEY_ARBITRATION: "envs.problems.journey_arbitration:JourneyArbitration",
    PROGRAMME_DESIGN: "envs.problems.programme_design:ProgrammeDesign",
}

ENVIRONMENTS = tuple(_CLASSES)
"""Every id that :func:`register` makes known; the conformance tests run on each."""

DECISIONS = (NEXT_BEST_ACTION, CHANNEL_SELECTION, OFFER_CHOICE, JOURNEY_ARBITRATION)
"""Those with one discrete decision per customer and day."""


def register() -> None:
    """Make the environments known to Gymnasium; doing so twice changes nothing.

    ``max_episode_steps`` is not set: the horizon is the environment's own argument, since
    Gymnasium hands it on to a vector environment instead of applying it.
    """
    for name, place in _CLASSES.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                id=name, entry_point=f"{place}Env", vector_entry_point=f"{place}VectorEnv"
            )
