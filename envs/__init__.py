"""Gymnasium views of the world; importing this registers them.

``troth/NextBestAction-v0``: ``gymnasium.make`` gives one customer,
``gymnasium.make_vec(..., vectorization_mode="vector_entry_point")`` a whole population.
"""

from envs.registration import register

register()
