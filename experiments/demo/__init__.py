"""The demo: the whole way, once, from calibration to a served day."""
