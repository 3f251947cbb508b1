"""Finding, starting and stopping one tritonserver process."""
