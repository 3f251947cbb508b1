"""Batch work on a Ray cluster: one ``wrinkle`` command line becomes many, and Ray Data runs them wherever it has room.

``parsed_command.py`` reads and writes command lines; ``parts/`` says how a command is parted into shards; ``worker.py``
runs one shard; ``ray_run.py`` gives shards to Ray; ``merged_run.py`` makes one run of what the shards have written.
"""
