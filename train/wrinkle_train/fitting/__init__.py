"""One optimisation: its modules, optimiser, schedule, checkpoints and validation."""
