"""Decisions at rest: records, idempotency, the configurations they were made under."""
