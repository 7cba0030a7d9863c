from .datasets import DevScores as DevScores, TrainingData as TrainingData, compacted as compacted
from .device import seeded as seeded
from .distributed import alone as alone, join as join, launched as launched
from .embedding_subset import Remap as Remap
from .fields import (
    Accumulate as Accumulate,
    BatchSize as BatchSize,
    Checkpointing as Checkpointing,
    Clip as Clip,
    DevLimit as DevLimit,
    Epochs as Epochs,
    EvaluationsPerEpoch as EvaluationsPerEpoch,
    InputLength as InputLength,
    LabelledSet as LabelledSet,
    Learners as Learners,
    Limit as Limit,
    Patience as Patience,
    Steps as Steps,
    TextLanguages as TextLanguages,
    TextName as TextName,
    TextShare as TextShare,
    Warmup as Warmup,
    WeightDecay as WeightDecay,
    without_text_beside_labels as without_text_beside_labels,
)
from .learning_rate import LearningRate as LearningRate, suited_rate as suited_rate
from .loop import Fitted as Fitted, fit as fit, fit_step as fit_step, schedule_of as schedule_of
from .multitask import MultiTaskLoss as MultiTaskLoss, multitask_model as multitask_model
from .reading import (
    LM_TASK as LM_TASK,
    Reading as Reading,
    read_distillation_data as read_distillation_data,
    read_training_data as read_training_data,
)
from .resume import Saving as Saving
