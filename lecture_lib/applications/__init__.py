"""What it is good for. Slides "Applications: ..." and "Additional Applications".

"compress data, can often do better than fixed methods"     `PixelModel`, `encode`, `decode`; `clothes_model`
"similar to nonlinear dimensionality reduction"             `LossyCoder`, `psnr`
"obtain good representations, then fine-tune"               `pixel_features`, `layer_features`, `fine_tune`
"unlabeled data is cheap, labeled data is not"              `scaler`, `draw_labels`, `ridge`, `probe`, `paired_gain`
"""

from lecture_lib.applications.compress import decode, encode
from lecture_lib.applications.lossy import LossyCoder, psnr
from lecture_lib.applications.pixels import PixelModel, SomePixels, clothes_model
from lecture_lib.applications.labels import Ridge, draw_labels, paired_gain, probe, ridge, scaler
from lecture_lib.applications.represent import fine_tune, layer_features, pixel_features
