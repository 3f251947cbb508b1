"""The networks that are measured: the papers' at full size, and the shipped ones."""
