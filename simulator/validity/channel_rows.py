"""Answers to messages by channel: clicks, withdrawn permissions, consent to push.

Every member who may be reached is sent one plain message a week for eight weeks on one channel
and nothing else; clicks and withdrawals are counted per message delivered and sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.validity.populations import messages, newcomers, rested, send
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import ratio_error, share_error
from simulator.validity.study import Findings, Study
from simulator.world import World
from troth.catalogue import CHANNELS, Channel, OfferKind

GROUP = "Documented effects: channels"

WEEKS = 8
WEEK_DAYS = 7
CUSTOMERS_FACTOR = 8
"""Two or three of a thousand messages are answered by a withdrawal."""

BENCHMARKS = "industry benchmarks of e-mail, SMS and push providers"


@dataclass(frozen=True, slots=True)
class _Answer:
    """One documented rate."""

    id: str
    name: str
    channel: Channel
    what: str
    low: float
    high: float


ANSWERS = (
    _Answer("email_click", "e-mail, clicks per delivered", Channel.EMAIL, "clicked", 0.015, 0.025),
    _Answer(
        "email_opt_out", "e-mail, withdrawals per send", Channel.EMAIL, "opted_out", 0.002, 0.003
    ),
    _Answer("sms_click", "SMS, clicks per delivered", Channel.SMS, "clicked", 0.089, 0.145),
    _Answer("sms_opt_out", "SMS, withdrawals per send", Channel.SMS, "opted_out", 0.006, 0.010),
    _Answer("push_open", "push, direct opens per delivered", Channel.PUSH, "clicked", 0.025, 0.03),
)
PUSH_OPT_IN = (0.33, 0.36)


@dataclass(frozen=True, slots=True)
class ChannelTally:
    """Messages and their answers, per customer, float64 (n,) each."""

    sent: np.ndarray
    delivered: np.ndarray
    clicked: np.ndarray
    opted_out: np.ndarray


def weekly(world: World, channel: Channel, study: Study) -> ChannelTally:
    """One plain message a week; ``world`` is moved on eight weeks.

    Customers are due on different days of the week, so that no weekday is special.
    """
    sent, delivered, clicked, opted_out = (np.zeros(world.size) for _ in range(4))
    due_on = np.arange(world.size) % WEEK_DAYS
    for day in range(WEEKS * WEEK_DAYS):
        choices = messages(world, channel, (OfferKind.CONTENT, OfferKind.REMINDER))
        if not choices.size:
            choices = messages(world, channel)
        actions = send(world, int(choices[0]), due_on == day % WEEK_DAYS)
        result = world.step(actions)
        sent += actions > 0
        delivered += result.delivered
        clicked += result.clicked
        opted_out += result.opted_out
        study.advance(1)
    return ChannelTally(sent, delivered, clicked, opted_out)


@dataclass(frozen=True, slots=True)
class ChannelMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "channels"

    def days(self, study: Study) -> int:
        """Eight weeks per channel."""
        return WEEKS * WEEK_DAYS * len({answer.channel for answer in ANSWERS})

    def measure(self, study: Study) -> Findings:
        """Rates per channel, and consent to push on joining."""
        larger = study.larger(CUSTOMERS_FACTOR)
        start = rested(larger)
        tallies: dict[Channel, ChannelTally] = {}
        rows = []
        for answer in ANSWERS:
            if answer.channel not in tallies:
                tallies[answer.channel] = weekly(start.fork(), answer.channel, study)
            tally = tallies[answer.channel]
            top = tally.clicked if answer.what == "clicked" else tally.opted_out
            bottom = tally.delivered if answer.what == "clicked" else tally.sent
            rate, error = ratio_error(top, bottom)
            rows.append(
                ValidityRow(
                    id=f"channels.{answer.id}",
                    group=GROUP,
                    name=answer.name,
                    target=Target.published(answer.low, answer.high),
                    simulated=rate,
                    stderr=error,
                    source=BENCHMARKS,
                    note="a plain message a week, eight weeks",
                )
            )
        permits = newcomers(larger).permissions[:, CHANNELS.index(Channel.PUSH)]
        share, error = share_error(int(permits.sum()), larger.customers)
        rows.append(
            ValidityRow(
                id="channels.push_opt_in",
                group=GROUP,
                name="share of new members who may be sent a push",
                target=Target.published(*PUSH_OPT_IN),
                simulated=share,
                stderr=error,
                source=BENCHMARKS,
            )
        )
        return Findings(tuple(rows))
