"""The path of one decision, without transport."""
