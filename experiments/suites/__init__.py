"""Run configurations shipped with Troth."""
