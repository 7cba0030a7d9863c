from .sentence_vectors import POOLINGS as POOLINGS
from .sentence_vectors import SENTENCES as SENTENCES
from .sentence_vectors import SentenceVectors as SentenceVectors
from .spec import HeadLogits as HeadLogits
from .spec import Outputs as Outputs
from .table import HEADS as HEADS
from .table import NOT_DEPLOYED as NOT_DEPLOYED
from .table import head_of_class as head_of_class
