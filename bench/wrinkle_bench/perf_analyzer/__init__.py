"""NVIDIA's ``perf_analyzer``: fetched and unpacked outside the environment, run, and its figures read."""
