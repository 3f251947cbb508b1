"""What this processor allows: its measured peak, and how near the networks come: ``wrinkle bench limits``."""
