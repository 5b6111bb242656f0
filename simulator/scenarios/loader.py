"""A scenario: a world's parameters, read from TOML and checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from simulator.scenarios import circumstances as c
from simulator.scenarios import sections as s
from simulator.scenarios.processes import MODELS, EmailFigures, Purchases, SpendFigures
from simulator.scenarios.schema import reference_schema
from simulator.scenarios.source import ScenarioSource, merged, read
from troth.catalogue import (
    CHANNELS,
    NO_CONTACT_ACTION,
    OFFER_KINDS,
    Action,
    Catalogue,
)
from troth.digests import digest
from troth.errors import InvalidArgument
from troth.features import FeatureSchema
from troth.objective import Objective
from troth.validation import Violation, bounds, models_in

_known: dict[tuple[str, ...], Scenario] = {}
"""Scenarios by the text of their files."""
_MOST_KNOWN = 64
_OUTSIDE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


class Scenario(s.Section):
    """All parameters of a world; see the sections for units and ranges.

    Raises:
        pydantic.ValidationError: for a value out of range or a name that does not exist;
            :func:`load` turns it into an :class:`InvalidArgument` of one line.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    description: str
    start: date
    objective_weights: s.ObjectiveSection
    purchases: Purchases
    spend: SpendFigures
    email: EmailFigures
    economics: s.EconomicsSection
    calendar: c.CalendarSection
    population: s.PopulationSection
    categories: Annotated[
        tuple[s.CategorySection, ...], Field(strict=False, min_length=1, max_length=16)
    ]
    stores: s.StoresSection
    persuadability: s.PersuadabilitySection
    response: s.ResponseSection
    delays: s.DelaysSection
    visits: s.VisitsSection
    fatigue: s.FatigueSection
    mood: s.MoodSection
    wallet: s.WalletSection
    loyalty: s.LoyaltySection
    challenges: s.ChallengeSection
    warm_up: s.WarmUpSection
    tiers: Annotated[tuple[s.TierSection, ...], Field(strict=False, min_length=1)]
    channels: dict[s.ChannelName, s.ChannelSection]
    kinds: dict[s.Kind, s.KindSection]
    offers: dict[str, s.OfferSection]
    journeys: Annotated[dict[str, s.JourneySection], Field(min_length=1, max_length=24)]
    firm: c.FirmSection
    identity: c.IdentitySection
    fraud: c.FraudSection
    shocks: Annotated[tuple[c.ShockSection, ...], Field(strict=False)] = ()
    validity: c.ValiditySection = c.ValiditySection()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        _complete("channels", self.channels, CHANNELS[1:])
        _complete("kinds", self.kinds, OFFER_KINDS[1:])
        spends = [tier.from_spend_minor for tier in self.tiers]
        if spends[0] != 0 or spends != sorted(set(spends)):
            raise ValueError(f"tiers.from_spend_minor = {spends}: must start at 0 and rise")
        _check_shares(self)
        hidden = [name for shock in self.shocks for name in shock.hides]
        for name in hidden:
            if name not in self.schema.names:
                raise ValueError(
                    f"shocks.hides = {name!r}: must be one of " + ", ".join(self.schema.names)
                )
        if self.challenges.target_min > self.challenges.target_max:
            raise ValueError(
                f"challenges.target_min = {self.challenges.target_min}: must be at most "
                f"target_max = {self.challenges.target_max}"
            )
        for name, journey in self.journeys.items():
            _check_journey(name, journey, self.schema.names, self.offers)
        return self

    @cached_property
    def catalogue(self) -> Catalogue:
        """*No contact*, then every channel of every step of every journey."""
        rows = [NO_CONTACT_ACTION]
        for journey, section in self.journeys.items():
            for number, step in enumerate(section.steps, start=1):
                offer = self.offers[step.offer]
                rows += [
                    Action(
                        action_id=f"{journey}/{number}/{step.offer}/{channel}",
                        journey=journey,
                        step=number,
                        offer=step.offer,
                        kind=offer.kind,
                        channel=channel,
                        cost_minor=self.channels[channel].cost_minor + offer.cost_minor,
                        discount=offer.discount,
                        points=offer.points,
                    )
                    for channel in step.channels
                ]
        return Catalogue(tuple(rows), tuple(self.journeys))

    @cached_property
    def schema(self) -> FeatureSchema:  # type: ignore[override]  # pydantic's is deprecated
        """The raw columns of :meth:`simulator.world.World.contexts`."""
        return reference_schema(
            tuple(tier.name for tier in self.tiers),
            {str(name): section.clicked for name, section in self.channels.items()},
        )

    @cached_property
    def objective(self) -> Objective:
        """What the programme wants."""
        return Objective(**self.objective_weights.model_dump())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of every value."""
        return digest(self.model_dump(mode="json"))

    def __copy__(self) -> Self:
        """What was derived from the values stays behind: ``model_copy`` may change them."""
        twin = super().__copy__()
        for name in set(vars(twin)) - set(type(self).model_fields):
            del vars(twin)[name]
        return twin

    def replace(self, **changes: Mapping[str, Any]) -> Scenario:
        """A copy with some values of some sections changed, checked again.

        Args:
            changes: section name to ``{key: value}``; e.g. the figures of ``troth calibrate``.
                Tables are merged as in :mod:`simulator.scenarios.source`.

        Raises:
            InvalidArgument: naming the key, the value and what is allowed.
        """
        values = self.model_dump(mode="python")
        for section, change in changes.items():
            values = merged(values, {section: change})
        return _validated(values, self.name)

    def without_cap(self) -> Scenario:
        """A copy whose own rule on contacts stops nobody, however long they are contacted daily.

        For whoever sets the pressure otherwise: guardrails, or an experiment.
        """
        return self.replace(fatigue={"cap_contacts": 28, "cap_days": 1})


def _check_shares(scenario: Scenario) -> None:
    """Shares and factors that are scaled need a sum to divide by; chances stack up to 1."""
    groups = scenario.persuadability
    scaled = {
        "categories.share": [section.share for section in scenario.categories],
        "stores": list(scenario.stores.model_dump().values()),
        "persuadability.share": [getattr(groups, name).share for name in type(groups).model_fields],
        "calendar.month_factors": scenario.calendar.month_factors,
        "calendar.weekday_factors": scenario.calendar.weekday_factors,
    }
    for name, values in scaled.items():
        if not sum(values) > 0.0:
            raise ValueError(f"{name} = {list(values)}: must sum to more than 0")
    daily = {
        "mood.ticket_per_day": scenario.mood.ticket_per_day,
        "fatigue.app_removal_per_day": scenario.fatigue.app_removal_per_day,
        "fatigue.address_lost_per_day": scenario.fatigue.address_lost_per_day,
        "mood.signal_per_day": scenario.mood.signal_per_day,
        "loyalty.surprise_per_day": scenario.loyalty.surprise_per_day,
        "firm.rival_contacts_per_day": scenario.firm.rival_contacts_per_day,
        "fraud.attempts_per_day": scenario.fraud.attempts_per_day,
        "identity.stranger_per_day": scenario.identity.stranger_per_day,
    }
    if sum(daily.values()) > 1.0:
        largest = max(daily, key=lambda name: daily[name])
        raise ValueError(
            f"{largest} = {daily[largest]}: at most one of {', '.join(daily)} happens a day, "
            f"they must sum to at most 1 and sum to {sum(daily.values()):g}"
        )


def _check_journey(
    name: str,
    journey: s.JourneySection,
    features: tuple[str, ...],
    offers: Mapping[str, s.OfferSection],
) -> None:
    for condition in journey.when:
        if condition.feature not in features:
            raise ValueError(
                f"journeys.{name}.when.feature = {condition.feature!r}: must be one of "
                + ", ".join(features)
            )
        if condition.at_least is None and condition.at_most is None:
            raise ValueError(f"journeys.{name}.when: needs at_least or at_most")
    for step in journey.steps:
        if step.offer not in offers:
            raise ValueError(
                f"journeys.{name}.steps.offer = {step.offer!r}: must be one of " + ", ".join(offers)
            )


def _complete(key: str, given: Mapping[Any, Any], wanted: tuple[Any, ...]) -> None:
    for name in wanted:
        if name not in given:
            raise ValueError(f"{key}.{name}: is missing")
    for name in given:
        if name not in wanted:
            raise ValueError(f"{key}.{name}: must be one of {', '.join(wanted)}")


def _validated(values: Mapping[str, Any], source: str | ScenarioSource) -> Scenario:
    try:
        return Scenario.model_validate(values)
    except ValidationError as error:
        violation = Violation.first(error, tags={"[key]"})  # of a table whose key is at fault
        key = ".".join(str(part) for part in violation.loc if part not in MODELS)
        # What is missing is missing where its section was last written.
        place = key.rpartition(".")[0] if violation.kind == "missing" else key
        where = source if isinstance(source, str) else source.where(place)
        if not key:  # a check across sections: the message names the key itself
            raise InvalidArgument(f"{where}: {violation.says}", field="scenario") from error
        value = f"{violation.value} in " if violation.value else ""
        raise InvalidArgument(f"{value}{where}: {_why(violation)}", field=key) from error


def _why(violation: Violation) -> str:
    """What is wrong and what is allowed, in the words of a TOML file."""
    kind, loc = violation.kind, tuple(str(part) for part in violation.loc)
    if kind == "missing":
        return "is required and missing"
    if kind == "extra_forbidden":
        keys = _fields((*loc, ""))
        return f"no such key; there {'are' if len(keys) > 1 else 'is'} {', '.join(keys)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a table"
    if kind in ("tuple_type", "list_type"):
        return "must be an array"
    if kind == "union_tag_invalid":
        return f"model must be one of {', '.join(sorted(MODELS))}"
    field = _fields(loc).get(loc[-1])
    if kind in _OUTSIDE and field is not None:
        low, high = bounds(field)
        if low and high:
            below, above = low.removeprefix("above "), high.removeprefix("below ")
            opened, closed = "[("[low != below], "])"[high != above]
            return f"must be in {opened}{below}, {above}{closed}"
    return violation.says


def _fields(loc: tuple[str, ...]) -> dict[str, FieldInfo]:
    """The keys beside the last one of ``loc``, those of its section."""
    models: tuple[type[BaseModel], ...] = (Scenario,)
    for part in loc[:-1]:
        if part in MODELS:
            models = tuple(m for m in models if m.model_fields["model"].default == part)
            continue
        found = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        models = tuple(m for kind in found for m in models_in(kind)) or models
    return dict(models[0].model_fields)


def load(name_or_path: str | Path = "reference") -> Scenario:
    """Read a scenario: one that ships, or a package's, by its name, or a TOML file by its path.

    A file may be based on another, see :mod:`simulator.scenarios.source`; the digest is that of
    the values in force. The same text gives the same object, with what was derived from it.

    Raises:
        NotFound: if there is no such scenario or file.
        InvalidArgument: in one line, with file, key, value and what is allowed.
    """
    source = read(name_or_path)
    texts = tuple(layer.text for layer in source.layers)
    if texts not in _known:
        scenario = _validated(source.values(), source)
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[texts] = scenario
    return _known[texts]
