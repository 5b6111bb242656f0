"""The ``troth`` command."""
