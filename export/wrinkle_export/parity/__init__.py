"""The parity gate: does every exported form of a network answer as PyTorch does?"""
