"""The ground floor: skeletons, geometry, model files and the engines that run them."""

import os

os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")  # before cv2: fast opening

from engines.card import Card
from engines.decoder import Decoder, load_decoder
from engines.engine import Engine, Prediction, load
from engines.errors import DataError, EngineError, KeycamError
from engines.geometry import Roi, crop, to_crop, to_frame
from engines.skeleton import Limb, Skeleton

__all__ = [
    "Card",
    "DataError",
    "Decoder",
    "Engine",
    "EngineError",
    "KeycamError",
    "Limb",
    "Prediction",
    "Roi",
    "Skeleton",
    "crop",
    "load",
    "load_decoder",
    "to_crop",
    "to_frame",
]
