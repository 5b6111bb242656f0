"""The gRPC surface, on Ray Serve."""
