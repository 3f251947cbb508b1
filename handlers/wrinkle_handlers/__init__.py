"""The same networks and the same core code on TorchServe, for those who run it already.

``handler.py`` is what TorchServe calls; ``archive/`` makes the .mar file it is called from; ``server/`` runs TorchServe
on this machine; ``commands/`` is ``wrinkle torchserve``. TorchServe is archived upstream: see docs/torchserve.md.
"""
