"""The gateway: Envoy in front of one or more Triton servers, for everything that is not on loopback."""
