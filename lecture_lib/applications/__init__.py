"""What it is good for. Slides "Applications: ..." and "Additional Applications".

"compress data, can often do better than fixed methods"     `PixelModel`, `encode`, `decode`; `clothes_model`
"transfer, CycleGAN"                                        `cyclegan`, `cycle_loss`, `train_cyclegan`; `maps`
"""

from lecture_lib.applications import maps
from lecture_lib.applications.compress import decode, encode
from lecture_lib.applications.pixels import PixelModel, SomePixels, clothes_model
from lecture_lib.applications.translate import (
    cycle_loss,
    cyclegan,
    discriminators_step,
    generators_step,
    rising,
    train_cyclegan,
)
