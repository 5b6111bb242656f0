"""Troth: reinforcement-learning decisioning for omnichannel loyalty programmes.

This is the ground floor: the nouns everyone shares, the one encoder, the one sampler,
keyed streams, typed errors, settings, the client and the ``troth`` command.
"""
