"""Finding, starting and watching the Triton server."""
