from .spec import HeadLogits as HeadLogits, Outputs as Outputs
from .table import HEADS as HEADS, NOT_DEPLOYED as NOT_DEPLOYED, head_of_class as head_of_class
