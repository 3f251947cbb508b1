"""How a run looks to whoever started it: tables and a bar for a person, JSON lines for a program, or nothing."""
