"""Running TorchServe on this machine: its settings, its process, its keys."""
