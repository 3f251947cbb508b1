"""Networks, losses, data and training for wrinkle segmentation."""
