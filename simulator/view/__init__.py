"""What the firm sees of its customers."""
