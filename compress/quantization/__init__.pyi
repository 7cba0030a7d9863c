from .int4 import packed as packed, quantize_blocks as quantize_blocks
from .int8 import quantize_channels as quantize_channels
from .matmul_error import mean_correction as mean_correction, relative_error as relative_error
from .observers import ActivationStats as ActivationStats
from .outliers import outlier_ratio as outlier_ratio, outlier_report as outlier_report
from .qat_codes import CODES as CODES, read_codes as read_codes, write_codes as write_codes
from .ranges import Affine as Affine, Method as Method, chosen_range as chosen_range
from .row_scales import scale_levels as scale_levels
from .saturation import EXACT as EXACT, probe as probe
from .smoothing import (
    best_alpha as best_alpha,
    coded_error as coded_error,
    smoothing_scales as smoothing_scales,
)
from .straight_through import (
    FakeQuantization as FakeQuantization,
    Ranges as Ranges,
    fake_quantization as fake_quantization,
)
