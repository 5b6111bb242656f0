"""Maps from contexts to distributions."""
