"""What a machine needs to serve, each thing checked by itself."""
