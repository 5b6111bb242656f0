"""The wire: what travels between client and service, and its one translation.

Client and service both go through here, so that a field, an enum or an error cannot mean two
things. Nothing but :mod:`troth.v1` and protobuf is needed.
"""
