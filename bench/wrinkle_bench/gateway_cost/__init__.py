"""What the gateway adds to a request: ``wrinkle bench gateway``."""
