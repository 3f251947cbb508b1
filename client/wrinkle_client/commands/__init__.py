"""The client's sub-commands, a file each; pyproject.toml names them in the entry-point group ``wrinkle.commands``."""
