"""Comparison systems of the two papers that need no training: line filters and semi-automatic labels."""
