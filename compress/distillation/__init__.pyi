from .batches import StudentBatches as StudentBatches
from .compatibility import (
    check_answers as check_answers,
    check_artifacts as check_artifacts,
    check_same_head as check_same_head,
    check_text as check_text,
)
from .layer_map import layer_read as layer_read
from .loss import TeacherLoss as TeacherLoss
from .objectives import (
    Attention as Attention,
    Hidden as Hidden,
    Labels as Labels,
    Logits as Logits,
    MiniLM as MiniLM,
    Objectives as Objectives,
    Relations as Relations,
)
from .student import Student as Student, make_student as make_student
from .training import distilled as distilled, shown_to as shown_to, train_student as train_student
from .vocabulary_map import piece_map as piece_map
