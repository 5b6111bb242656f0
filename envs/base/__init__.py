"""What every decision problem stands on: cohorts, episodes, and the two environments."""
