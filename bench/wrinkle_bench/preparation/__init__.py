"""Who finds the face: the server, or the client before it sends. ``wrinkle bench prepare``."""
