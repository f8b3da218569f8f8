"""The lecture's sliders, drawn in the browser: a picture follows the hand at the screen's own rate.

Behind each widget stands a plain object with `at(value)`, which tests and readers call without a browser.
"""

from lecture_lib.widgets.bins import Bins, BinsModel
from lecture_lib.widgets.compression import Compression, CompressionModel
from lecture_lib.widgets.depth import Depth, DepthModel
from lecture_lib.widgets.flow_depth import FlowDepth
from lecture_lib.widgets.flow_depth_model import FlowDepthModel
from lecture_lib.widgets.gibbs import Gibbs, GibbsModel
from lecture_lib.widgets.latent_plane import LatentPlane, LatentPlaneModel
from lecture_lib.widgets.likelihood import Likelihood, LikelihoodModel
from lecture_lib.widgets.predict import predict, predictions
from lecture_lib.widgets.ratio import Ratio
from lecture_lib.widgets.ratio_model import RatioModel
from lecture_lib.widgets.spline import Spline, SplineModel
from lecture_lib.widgets.style_mixing import StyleMixing, StyleMixingModel
from lecture_lib.widgets.transfer import Transfer, TransferModel

__all__ = [
    "Bins",
    "BinsModel",
    "Compression",
    "CompressionModel",
    "Depth",
    "DepthModel",
    "FlowDepth",
    "FlowDepthModel",
    "Gibbs",
    "GibbsModel",
    "LatentPlane",
    "LatentPlaneModel",
    "Likelihood",
    "LikelihoodModel",
    "Ratio",
    "RatioModel",
    "Spline",
    "SplineModel",
    "StyleMixing",
    "StyleMixingModel",
    "Transfer",
    "TransferModel",
    "predict",
    "predictions",
]
