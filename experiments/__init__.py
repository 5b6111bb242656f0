"""Simulate, log, train, evaluate, propose: runs, reports and benchmarks."""

from experiments.runs.baselines import baselines as baselines
