"""When photographs come."""
