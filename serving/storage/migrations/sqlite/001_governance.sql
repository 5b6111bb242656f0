-- What was asked for. Only the statement is trusted, and only under a signature.
CREATE TABLE proposals (
    proposal_id TEXT PRIMARY KEY,
    statement   TEXT NOT NULL
) STRICT;

-- Signed votes. One row per member and vote: a refusal does not replace an approval, it outlives it.
CREATE TABLE votes (
    proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
    member      TEXT NOT NULL,
    vote        TEXT NOT NULL CHECK (vote IN ('propose', 'approve', 'refuse')),
    signed_at   TEXT NOT NULL,
    reason      TEXT NOT NULL,
    signature   BLOB NOT NULL,
    PRIMARY KEY (proposal_id, member, vote)
) STRICT;

-- Who answers a decision point, per role.
CREATE TABLE activations (
    decision_point TEXT NOT NULL,
    role           TEXT NOT NULL,
    proposal_id    TEXT NOT NULL REFERENCES proposals (proposal_id),
    activated_at   TEXT NOT NULL,
    PRIMARY KEY (decision_point, role)
) STRICT;

-- A decision point without a row is running.
CREATE TABLE decision_point_states (
    decision_point TEXT PRIMARY KEY,
    state          TEXT NOT NULL,
    changed_at     TEXT NOT NULL
) STRICT;

-- Rises with every change that a replica must take up.
CREATE TABLE generations (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO generations VALUES (1, 0);

-- The hash chain. hash is over the canonical JSON of the other five columns.
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    payload  TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

CREATE INDEX audit_kind ON audit (kind, seq) WHERE kind <> 'decisions.committed';

-- A seatbelt against slips: whoever can edit the file can drop a trigger. The chain is the proof.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- Heads signed with the service key of the host.
CREATE TABLE checkpoints (
    seq        INTEGER PRIMARY KEY,
    hash       TEXT NOT NULL,
    at         TEXT NOT NULL,
    public_key TEXT NOT NULL,
    signature  BLOB NOT NULL
) STRICT;
