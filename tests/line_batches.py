"""Batches of dark lines on noise, by number: enough to train on, made in a millisecond."""

from __future__ import annotations

import time

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from wrinkle_train.batches.kinds import Batch, PictureBatch, TextureBatch


def line_picture(rng: np.random.Generator, side_px: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a picture (S, S, 3) and its mask (S, S) {0, 1}."""
    picture = rng.integers(150, 190, (side_px, side_px, 3)).astype(np.uint8)
    mask = np.zeros((side_px, side_px), np.uint8)
    for _ in range(3):
        (x0, y0), (x1, y1) = rng.integers(0, side_px, (2, 2)).tolist()
        cv2.line(mask, (x0, y0), (x1, y1), (1,), 3)
    picture[mask > 0] //= 2
    return picture, mask


class LineBatches:
    """A source of numbered batches.

    Args:
        batch_size: Pictures a batch.
        side_px: Their side.
        channels: 3, or 4 with the mask's complement as a fourth plane.
        task: What the batches are for.
        pause_s: Time each batch takes at least.
        pictures: So many different batches; the numbers go round.
    """

    def __init__(
        self,
        batch_size: int = 2,
        side_px: int = 64,
        channels: int = 3,
        task: str = "segmentation",
        pause_s: float = 0.0,
        pictures: int = 1000,
    ) -> None:
        self.batch_size, self.side_px, self.channels, self.task = batch_size, side_px, channels, task
        self.pause_s, self.pictures = pause_s, pictures
        self.numbers: list[int] = []

    def batch(self, number: int) -> Batch | TextureBatch | PictureBatch:
        """Return batch ``number`` and note that it was asked for."""
        time.sleep(self.pause_s)
        self.numbers.append(number)
        rng = np.random.default_rng((7, number % self.pictures))
        made = [line_picture(rng, self.side_px) for _ in range(self.batch_size)]
        pixels = torch.from_numpy(np.stack([picture.transpose(2, 0, 1) for picture, _ in made]))
        mask = torch.from_numpy(np.stack([mask for _, mask in made]))
        if self.task == "texture":
            return TextureBatch(pixels, mask * 200)
        if self.task == "pictures":
            return PictureBatch(pixels)
        if self.channels == 4:
            pixels = torch.cat([pixels, 255 * (1 - mask[:, None])], dim=1)
        return Batch(pixels, mask.float(), torch.ones_like(mask).float())
