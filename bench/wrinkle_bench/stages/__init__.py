"""Preprocessing and postprocessing on one core, function by function: ``wrinkle bench steps``."""
