"""What an export leaves behind: files, and one manifest that says what each is."""
