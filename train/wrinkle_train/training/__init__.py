"""From a recipe to weights and scores: scale, stage before, run, run record."""
