"""The sub-commands of ``wrinkle bench``, a file each; bench.py puts them together."""
