"""New versions of a segmenter in a running server: loaded, tried, promoted, and taken back."""
