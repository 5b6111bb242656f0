"""Decisions over gRPC: guardrails, governance, durable records."""
