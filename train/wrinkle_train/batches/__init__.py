"""What training steps are fed: kinds of batches, where they are made from, how processes share them."""
