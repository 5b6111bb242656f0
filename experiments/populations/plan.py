"""What a long run is: everything its result depends on, and how it is cut into shards."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from experiments.runs.baselines import NAMES, NEVER_CONTACT
from simulator.scenarios import Scenario
from simulator.scenarios import load as load_scenario
from troth.digests import digest
from troth.errors import FailedPrecondition, InvalidArgument
from troth.validation import Violation

PLAIN = "plain"
DECIDERS = (*NAMES, PLAIN)
"""Names of who may decide: the baselines, and the programme that a scenario begins with."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of customers that lives in one piece.

    Attributes:
        index: from 0.
        first: number of the first customer.
        size: customers, >= 1.
    """

    index: int
    first: int
    size: int


class Plan(BaseModel):
    """A long run.

    Attributes:
        scenario: name of a shipped scenario or path of a TOML file.
        scenario_digest: of its values; a file that changes in between is found out.
        customers: how many live, numbered from 0.
        days: how long.
        seed: every random number follows from it.
        policy: one of :data:`DECIDERS` or the digest of an artifact.
        shard: customers per shard: what is in memory at a time. It changes no life, unless the
            scenario shares a contact budget: then each shard has its own.
        transactions: whether every purchase is kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: str = Field(min_length=1)
    scenario_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    customers: int = Field(ge=1, le=2**32)
    days: int = Field(ge=1, le=36_500)
    seed: int = Field(ge=0, lt=2**64)
    policy: str = Field(pattern=rf"^({'|'.join(DECIDERS)}|[0-9a-f]{{64}})$")
    shard: int = Field(ge=1, le=10_000_000)
    transactions: bool = False

    @field_validator("policy", mode="before")
    @classmethod
    def _never(cls, name: object) -> object:
        """``never`` is what plans of 0.1 call silence."""
        return NEVER_CONTACT if name == "never" else name

    @classmethod
    def of(
        cls,
        scenario: str,
        *,
        customers: int,
        days: int,
        seed: int,
        policy: str,
        shard: int,
        transactions: bool = False,
    ) -> Plan:
        """A plan for the scenario as it reads now.

        Raises:
            NotFound: if there is no such scenario.
            InvalidArgument: naming the field, its value and what is allowed.
        """
        try:
            return cls(
                scenario=scenario,
                scenario_digest=load_scenario(scenario).digest,
                customers=customers,
                days=days,
                seed=seed,
                policy=policy,
                shard=shard,
                transactions=transactions,
            )
        except ValidationError as error:
            violation = Violation.first(error)
            raise InvalidArgument(violation.line(cls), field=violation.key) from error

    @property
    def digest(self) -> str:
        """SHA-256 of the plan, wherever its scenario lies."""
        values = self.model_dump(mode="json", exclude={"scenario"})
        return digest({**values, "seed": str(self.seed)})  # 64 bits are more than JSON's 53

    @property
    def customer_days(self) -> int:
        """Days all customers live together."""
        return self.customers * self.days

    def shards(self) -> tuple[Shard, ...]:
        """The customers in runs of at most :attr:`shard`, in order."""
        starts = range(0, self.customers, self.shard)
        return tuple(
            Shard(index, first, min(self.shard, self.customers - first))
            for index, first in enumerate(starts)
        )

    def load_scenario(self) -> Scenario:
        """The scenario.

        Raises:
            FailedPrecondition: if it has changed since the plan was made.
        """
        scenario = load_scenario(self.scenario)
        if scenario.digest != self.scenario_digest:
            raise FailedPrecondition(
                f"{self.scenario} has changed since the run began", field="scenario"
            )
        return scenario

    def require_same(self, other: Plan, where: str) -> None:
        """Refuse to go on with a run of another plan.

        Raises:
            FailedPrecondition: naming the first field that differs, with both values.
        """
        mine, theirs = self.model_dump(exclude={"scenario"}), other.model_dump()
        for name, value in mine.items():
            if theirs[name] != value:
                raise FailedPrecondition(
                    f"the run in {where} has {theirs[name]!r}, not {value!r}", field=name
                )
