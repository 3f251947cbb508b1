"""Making .mar files: checkpoint, the code that serves it as a wheel, pinned requirements, model configuration."""
