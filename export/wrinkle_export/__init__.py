"""From checkpoint to a deployable Triton model repository."""
