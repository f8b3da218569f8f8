"""What it is good for. Slides "Applications: ..." and "Additional Applications".

"compress data, can often do better than fixed methods"     `PixelModel`, `encode`, `decode`; `clothes_model`
"""

from lecture_lib.applications.compress import decode, encode
from lecture_lib.applications.pixels import Average, PixelModel, SomePixels, clothes_model, train_pixels
