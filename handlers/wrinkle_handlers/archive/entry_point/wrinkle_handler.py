"""The handler of both networks, as TorchServe finds it in an archive: the code itself is the wheel beside this file.

TorchServe imports the one class that this file defines. The wheel comes before everything that is installed, so that
weights and code are those that were archived together.
"""

import sys
from pathlib import Path

(_WHEEL,) = Path(__file__).resolve().parent.glob("wrinkle_serving_runtime-*.whl")
sys.path.insert(0, str(_WHEEL))

from wrinkle_handlers.handler import SegmentationHandler  # noqa: E402


class WrinkleHandler(SegmentationHandler):
    """Answers whole batches; see ``wrinkle_handlers.handler``."""
