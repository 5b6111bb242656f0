"""Scenarios shipped with Troth, as TOML."""
