"""A world fitted to somebody's own purchases and mailings."""
