"""The sub-commands of wrinkle that this package brings."""
