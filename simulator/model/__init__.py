"""How customers behave: one mechanism, one module."""
