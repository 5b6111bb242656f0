-- What else the installation was told of a customer because a guardrail asks for it: whole
-- numbers by name, as JSON. A name that is absent is unknown.
ALTER TABLE profiles ADD COLUMN told TEXT NOT NULL DEFAULT '{}';
