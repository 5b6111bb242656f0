"""Pictures of a population."""
