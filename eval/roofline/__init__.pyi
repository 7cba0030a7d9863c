from .bound import Roof as Roof, in_precision as in_precision
from .file_bytes import (
    Component as Component,
    by_component as by_component,
    onnx_components as onnx_components,
    safetensors_sizes as safetensors_sizes,
)
from .onnx_operations import Work as Work, onnx_work as onnx_work
from .operator_profile import profile as profile
from .peak_rates import bandwidth as bandwidth, peaks as peaks
from .torch_work import encoder_work as encoder_work
