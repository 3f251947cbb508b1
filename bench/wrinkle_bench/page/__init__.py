"""``docs/performance.md`` from the figures in ``bench/results``: ``wrinkle bench report``."""
