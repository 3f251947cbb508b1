"""A model repository that Triton can serve; needs neither torch nor the training code."""
