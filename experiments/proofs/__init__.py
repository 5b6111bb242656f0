"""Long proofs: what `make prove` shows; the tests hold a short form of each."""
