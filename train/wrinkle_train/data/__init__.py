"""Data for training: folders of aligned faces with wrinkle masks, split lists, samples as serving would feed them."""
