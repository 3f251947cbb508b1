"""Wrinkles rendered into photographs, with exact ground truth."""
