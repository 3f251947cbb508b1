"""How many instances, threads and pictures at once suit a machine: ``wrinkle bench instances`` and ``tune``."""
