-- What is known of a customer. A channel that permissions does not name is unknown.
CREATE TABLE profiles (
    customer_id TEXT PRIMARY KEY,
    zone        TEXT,
    permissions TEXT NOT NULL,
    updated_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Opt-outs. They outlive profiles, so that an older file cannot bring a permission back.
CREATE TABLE withdrawals (
    customer_id  TEXT NOT NULL,
    channel      TEXT NOT NULL,
    withdrawn_at TEXT NOT NULL,
    PRIMARY KEY (customer_id, channel)
) STRICT, WITHOUT ROWID;

-- One row per decision, in the order of commitment. The row is also its idempotency row: a
-- request_id is answered once, from record, if request_digest is the same.
CREATE TABLE decisions (
    position       INTEGER PRIMARY KEY,
    decision_id    TEXT NOT NULL UNIQUE,
    request_id     TEXT NOT NULL UNIQUE,
    request_digest TEXT NOT NULL,
    customer_id    TEXT NOT NULL,
    decided_at     TEXT NOT NULL,
    record         TEXT NOT NULL,
    record_digest  TEXT NOT NULL,
    audit_seq      INTEGER NOT NULL
) STRICT;

CREATE INDEX decisions_by_audit ON decisions (audit_seq);

-- The contact ledger: contacts granted here (with their decision) and made elsewhere (without).
-- at_us is microseconds since 1970 UTC, day the customer's calendar day.
CREATE TABLE contacts (
    contact_id  INTEGER PRIMARY KEY,
    customer_id TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    channel     TEXT NOT NULL,
    action_id   TEXT NOT NULL,
    day         TEXT NOT NULL,
    decision_id TEXT
) STRICT;

CREATE INDEX contacts_by_customer ON contacts (customer_id, at_us);

-- The same contact is never granted twice, whatever the guardrails say.
CREATE UNIQUE INDEX contacts_granted_once ON contacts (customer_id, action_id, day)
    WHERE decision_id IS NOT NULL;

CREATE UNIQUE INDEX contacts_imported_once ON contacts (customer_id, at_us, channel)
    WHERE decision_id IS NULL;

-- What came of decisions.
CREATE TABLE outcomes (
    outcome_id  TEXT PRIMARY KEY,
    decision_id TEXT NOT NULL REFERENCES decisions (decision_id),
    kind        TEXT NOT NULL,
    value_minor INTEGER NOT NULL,
    occurred_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL
) STRICT;

CREATE INDEX outcomes_by_decision ON outcomes (decision_id);

-- Guardrail configurations by digest: what a replay judges with.
CREATE TABLE guardrail_configs (
    digest TEXT PRIMARY KEY,
    config TEXT NOT NULL
) STRICT, WITHOUT ROWID;
