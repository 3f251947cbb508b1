"""What one replica does with a photograph."""
