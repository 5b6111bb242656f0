"""What is compiled: Philox, threads, and the stamp of machine code."""
