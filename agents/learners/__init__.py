"""What turns logs or environments into policies."""
