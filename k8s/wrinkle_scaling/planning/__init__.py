"""From one replica's figures to a fleet."""
