"""What training and serving must compute identically."""
