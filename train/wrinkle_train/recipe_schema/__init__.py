"""The sections of a recipe, one file each; ``wrinkle_train.recipe`` joins them."""
