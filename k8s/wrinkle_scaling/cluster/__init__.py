"""Pods that come and go, the gateway in front of them, and the metrics that are read from them."""
