"""The tables, as SQLAlchemy Core knows them: the statements of the repositories are made of these.

The migrations make them (:mod:`serving.storage.migrations`); a test compares the two on every
kind of store.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData()

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by its bytes everywhere: times are compared as text."""
_COUNTED = Integer().with_variant(BigInteger(), "postgresql")
"""An integer of 64 bits; SQLite's always are."""

# What was asked for. Only the statement is trusted, and only under a signature.
proposals = Table(
    "proposals",
    metadata,
    Column("proposal_id", _TEXT, primary_key=True),
    Column("statement", _TEXT, nullable=False),
)

# Signed votes. One row per member and vote: a refusal does not replace an approval.
votes = Table(
    "votes",
    metadata,
    Column("proposal_id", _TEXT, ForeignKey("proposals.proposal_id"), nullable=False),
    Column("member", _TEXT, nullable=False),
    Column("vote", _TEXT, nullable=False),
    Column("signed_at", _TEXT, nullable=False),
    Column("reason", _TEXT, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    PrimaryKeyConstraint("proposal_id", "member", "vote"),
    CheckConstraint("vote IN ('propose', 'approve', 'refuse')"),
)

# Who answers a decision point, per role.
activations = Table(
    "activations",
    metadata,
    Column("decision_point", _TEXT, nullable=False),
    Column("role", _TEXT, nullable=False),
    Column("proposal_id", _TEXT, ForeignKey("proposals.proposal_id"), nullable=False),
    Column("activated_at", _TEXT, nullable=False),
    PrimaryKeyConstraint("decision_point", "role"),
)

# A decision point without a row is running.
decision_point_states = Table(
    "decision_point_states",
    metadata,
    Column("decision_point", _TEXT, primary_key=True),
    Column("state", _TEXT, nullable=False),
    Column("changed_at", _TEXT, nullable=False),
)

# Rises with every change that a replica must take up.
generations = Table(
    "generations",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=False),
    Column("generation", _COUNTED, nullable=False),
    CheckConstraint("id = 1"),
)

# The hash chain. hash is over the canonical JSON of the other five columns.
audit = Table(
    "audit",
    metadata,
    Column("seq", _COUNTED, primary_key=True, autoincrement=False),
    Column("at", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("payload", _TEXT, nullable=False),
    Column("previous", _TEXT, nullable=False),
    Column("hash", _TEXT, nullable=False),
)
Index(
    "audit_kind",
    audit.c.kind,
    audit.c.seq,
    sqlite_where=text("kind <> 'decisions.committed'"),
    postgresql_where=text("kind <> 'decisions.committed'"),
)

# Heads signed with the service key of the host.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("seq", _COUNTED, primary_key=True, autoincrement=False),
    Column("hash", _TEXT, nullable=False),
    Column("at", _TEXT, nullable=False),
    Column("public_key", _TEXT, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# What is known of a customer beside permissions and contacts. told is what guardrails are to be
# told of them: whole numbers by name, as JSON; a name that is absent is unknown.
profiles = Table(
    "profiles",
    metadata,
    Column("customer_id", _TEXT, primary_key=True),
    Column("zone", _TEXT),
    Column("updated_at", _TEXT, nullable=False),
    Column("told", _TEXT, nullable=False, server_default="{}"),
)

# Permissions as given facts: of each customer, purpose and channel (or 'all') the latest of
# each kind. 'refused': at is when. 'given': at is when, and source where. 'stated': a grant
# that does not say both; it holds only where nobody ever refused.
permissions = Table(
    "permissions",
    metadata,
    Column("customer_id", _TEXT, nullable=False),
    Column("purpose", _TEXT, nullable=False),
    Column("channel", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("at", _TEXT, nullable=False),
    Column("source", _TEXT, nullable=False),
    Column("recorded_at", _TEXT, nullable=False),
    Column("fact_id", _TEXT, nullable=False),
    PrimaryKeyConstraint("customer_id", "purpose", "channel", "kind"),
    CheckConstraint("kind IN ('refused', 'given', 'stated')"),
)

# What was asked under the id of a permission, so that a repeated report counts once.
permission_reports = Table(
    "permission_reports",
    metadata,
    Column("permission_id", _TEXT, primary_key=True),
    Column("digest", _TEXT, nullable=False),
    Column("recorded_at", _TEXT, nullable=False),
)

# One row per decision, in the order of commitment. The row is also its idempotency row: a
# request_id is answered once, from record, if request_digest is the same.
decisions = Table(
    "decisions",
    metadata,
    Column("position", _COUNTED, primary_key=True),
    Column("decision_id", _TEXT, nullable=False, unique=True),
    Column("request_id", _TEXT, nullable=False, unique=True),
    Column("request_digest", _TEXT, nullable=False),
    Column("customer_id", _TEXT, nullable=False),
    Column("decided_at", _TEXT, nullable=False),
    Column("record", _TEXT, nullable=False),
    Column("record_digest", _TEXT, nullable=False),
    Column("audit_seq", _COUNTED, nullable=False),
)
Index("decisions_by_audit", decisions.c.audit_seq)

# The contact ledger: contacts granted here (with their decision) and made elsewhere (without).
# at_us is microseconds since 1970 UTC, day the customer's calendar day in zone. seen_at_us is
# when another system's log shows a contact that was granted here, and seen_by how it was known.
contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", _COUNTED, primary_key=True),
    Column("customer_id", _TEXT, nullable=False),
    Column("at_us", _COUNTED, nullable=False),
    Column("channel", _TEXT, nullable=False),
    Column("action_id", _TEXT, nullable=False),
    Column("day", _TEXT, nullable=False),
    Column("decision_id", _TEXT),
    Column("zone", _TEXT),
    Column("seen_at_us", _COUNTED),
    Column("seen_by", _TEXT),
    CheckConstraint("seen_by IN ('id', 'time')"),
)
Index("contacts_by_customer", contacts.c.customer_id, contacts.c.at_us)
# The same contact is never granted twice, whatever the guardrails say.
Index(
    "contacts_granted_once",
    contacts.c.customer_id,
    contacts.c.action_id,
    contacts.c.day,
    unique=True,
    sqlite_where=text("decision_id IS NOT NULL"),
    postgresql_where=text("decision_id IS NOT NULL"),
)
Index(
    "contacts_imported_once",
    contacts.c.customer_id,
    contacts.c.at_us,
    contacts.c.channel,
    unique=True,
    sqlite_where=text("decision_id IS NULL"),
    postgresql_where=text("decision_id IS NULL"),
)

# What came of decisions. occurred_at is what is believed, reported_at what the reporter said.
outcomes = Table(
    "outcomes",
    metadata,
    Column("outcome_id", _TEXT, primary_key=True),
    Column("decision_id", _TEXT, ForeignKey("decisions.decision_id"), nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("value_minor", _COUNTED, nullable=False),
    Column("occurred_at", _TEXT, nullable=False),
    Column("recorded_at", _TEXT, nullable=False),
    Column("reported_at", _TEXT, nullable=False, server_default=""),
)
Index("outcomes_by_decision", outcomes.c.decision_id)

# Guardrail configurations by digest: what a replay judges with.
guardrail_configs = Table(
    "guardrail_configs",
    metadata,
    Column("digest", _TEXT, primary_key=True),
    Column("config", _TEXT, nullable=False),
)
