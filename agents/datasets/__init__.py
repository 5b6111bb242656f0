"""Public logs, read as logged batches."""
