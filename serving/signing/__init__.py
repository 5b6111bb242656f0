"""Keys that people and services sign with."""
