"""The training package's sub-commands of `wrinkle`, one file each."""
