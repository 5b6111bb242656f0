-- Permissions as given facts: of each customer, purpose and channel (or 'all') the latest of
-- each kind. 'refused': at is when. 'given': at is when, and source where. 'stated': a grant
-- that does not say both; it holds only where nobody ever refused.
CREATE TABLE permissions (
    customer_id TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    channel     TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('refused', 'given', 'stated')),
    at          TEXT NOT NULL,
    source      TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    fact_id     TEXT NOT NULL,
    PRIMARY KEY (customer_id, purpose, channel, kind)
) STRICT, WITHOUT ROWID;

-- What was asked under the id of a permission, so that a repeated report counts once.
CREATE TABLE permission_reports (
    permission_id TEXT PRIMARY KEY,
    digest        TEXT NOT NULL,
    recorded_at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO permissions
    SELECT p.customer_id, 'marketing', j.key, iif(j.value = 1, 'stated', 'refused'),
           p.updated_at, '', p.updated_at, ''
    FROM profiles AS p, json_each(p.permissions) AS j;

INSERT INTO permissions
    SELECT customer_id, 'marketing', channel, 'refused', withdrawn_at, '', withdrawn_at, ''
    FROM withdrawals WHERE true
    ON CONFLICT DO UPDATE SET at = max(at, excluded.at);

DROP TABLE withdrawals;

ALTER TABLE profiles DROP COLUMN permissions;

-- The zone in which day was the customer's, and the time at which another system's log shows a
-- contact that was granted here, matched by its decision or by its time.
ALTER TABLE contacts ADD COLUMN zone TEXT;

ALTER TABLE contacts ADD COLUMN seen_at_us INTEGER;

ALTER TABLE contacts ADD COLUMN seen_by TEXT CHECK (seen_by IN ('id', 'time'));

-- What the reporter's clock said; occurred_at is what is believed.
ALTER TABLE outcomes ADD COLUMN reported_at TEXT NOT NULL DEFAULT '';

UPDATE outcomes SET reported_at = occurred_at;
