"""Generated from protos/troth/v1; do not edit."""
