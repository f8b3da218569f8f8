"""What it is good for. Slides "Applications: ..." and "Additional Applications".

"compress data, can often do better than fixed methods"     `PixelModel`, `encode`, `decode`; `clothes_model`
"video": digits that move, what can be measured of them     `moving_digits`, `motion`, `some_frames`
a generator through time, and two discriminators            `VideoGenerator`, `FrameDiscriminator`,
                                                            `TimeDiscriminator`, both: `Jury`; `video_model`
"""

from lecture_lib.applications.compress import decode, encode
from lecture_lib.applications.clips import Motion, motion, moving_digits, moving_frames, some_frames
from lecture_lib.applications.pixels import PixelModel, SomePixels, clothes_model
from lecture_lib.applications.video import FrameDiscriminator, Jury, TimeDiscriminator, VideoGenerator, video_model
