"""Scores of masks, of systems on data sets, and of annotators."""
