"""A quick measurement whose ratios are compared with committed ones: ``wrinkle bench smoke``, which CI runs."""
