"""Logged decisions: columns, tables, checks."""
