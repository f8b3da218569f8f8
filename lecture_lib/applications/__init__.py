"""What it is good for. Slides "Applications: ..." and "Additional Applications".

"compress data, can often do better than fixed methods"     `PixelModel`, `encode`, `decode`; `clothes_model`
"similar to nonlinear dimensionality reduction"             `LossyCoder`, `psnr`
"obtain good representations, then fine-tune"               `pixel_features`, `layer_features`, `fine_tune`
"unlabeled data is cheap, labeled data is not"              `scaler`, `draw_labels`, `ridge`, `probe`, `paired_gain`
"transfer, CycleGAN": maps that are known, and learnt        `maps`; `cyclegan`, `cycle_loss`, `train_cyclegan`
"video": digits that move, what can be measured of them     `moving_digits`, `motion`, `some_frames`
a generator through time, and two discriminators            `VideoGenerator`, `FrameDiscriminator`,
                                                            `TimeDiscriminator`, both: `Jury`; `video_model`
"""

from lecture_lib.applications import maps
from lecture_lib.applications.compress import decode, encode
from lecture_lib.applications.clips import acceleration, centres, motion, moving_digits, some_frames
from lecture_lib.applications.labels import Ridge, draw_labels, paired_gain, probe, ridge, scaler
from lecture_lib.applications.lossy import LossyCoder, psnr
from lecture_lib.applications.pixels import Average, PixelModel, SomePixels, clothes_model, train_pixels
from lecture_lib.applications.represent import fine_tune, layer_features, pixel_features
from lecture_lib.applications.translate import cycle_loss, cyclegan, edge_translators, rising, train_cyclegan
from lecture_lib.applications.translate import discriminators_step, generators_step
from lecture_lib.applications.video import FrameDiscriminator, Jury, TimeDiscriminator, VideoGenerator, video_model
