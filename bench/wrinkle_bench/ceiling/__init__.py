"""Our ensemble beside its bare network with no server at all: ``wrinkle bench ceiling``."""
