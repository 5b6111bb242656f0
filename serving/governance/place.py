"""Where an approval holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

from serving.governance.refusal_reasons import Cause, not_approved
from serving.installation import installation_id
from troth.settings import Settings
from troth.types import Proposal


@dataclass(frozen=True, kw_only=True)
class Place:
    """What an approval is bound to beside bytes and role.

    Attributes:
        installation_id: of the installation.
        settings: those of its settings that a decision depends on.
        version: of Troth, as installed.
    """

    installation_id: str
    settings: Mapping[str, float]
    version: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The place that this process would serve in.

        Raises:
            NotFound, DataLoss: if the home is no installation, or its identity is damaged.
        """
        return cls(
            installation_id=installation_id(settings.home),
            settings=settings.deciding(),
            version=version("troth"),
        )

    def verify(self, proposal: Proposal) -> None:
        """Check that ``proposal`` was made for this place.

        Raises:
            NotApproved: with cause ``installation``, ``settings`` or ``version``.
        """
        who = {"proposal_id": proposal.proposal_id}
        if proposal.installation_id != self.installation_id:
            raise not_approved(
                Cause.INSTALLATION,
                f"was approved for the installation {proposal.installation_id},"
                f" and this is {self.installation_id}",
                **who,
            )
        if proposal.settings != self.settings:
            raise not_approved(
                Cause.SETTINGS,
                f"was approved with {_text(proposal.settings)}, and in force is"
                f" {_text(self.settings)}",
                **who,
            )
        if proposal.version != self.version:
            raise not_approved(
                Cause.VERSION,
                f"was approved for Troth {proposal.version}, and this is {self.version};"
                " propose again",
                **who,
            )


def _text(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in sorted(settings.items())) or "nothing"
