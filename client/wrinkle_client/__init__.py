"""Client SDK and command line."""
