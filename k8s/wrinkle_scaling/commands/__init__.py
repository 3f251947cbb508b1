"""``wrinkle simulate-autoscaling``."""

from wrinkle_scaling.commands.app import app

__all__ = ["app"]
