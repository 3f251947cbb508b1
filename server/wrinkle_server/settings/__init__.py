"""What an operator may choose, from flags, environment and one YAML file."""
