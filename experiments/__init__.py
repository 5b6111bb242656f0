"""Simulate, log, train, evaluate, propose: runs, reports and benchmarks."""
