"""``wrinkle torchserve``: a file per sub-command."""
