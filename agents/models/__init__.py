"""Regressions that learners and estimators share."""
