"""Estimators of the value of one decision on the log's states, a module each.

A module that is put here with an ``ESTIMATOR`` is an estimator of the module's name.
"""
