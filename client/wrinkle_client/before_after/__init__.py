"""Two photographs of one person, brought into one frame and compared."""
