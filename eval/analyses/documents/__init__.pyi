from .arm_comparison import (
    ArmComparison as ArmComparison,
    CaveatEntry as CaveatEntry,
    ComparedObjective as ComparedObjective,
    ComparedTask as ComparedTask,
    ReferencePoint as ReferencePoint,
    RestsOn as RestsOn,
    THESE_MODELS as THESE_MODELS,
    TrainingStep as TrainingStep,
)
from .base import Document as Document, Estimate as Estimate
from .best_arm import BestArm as BestArm
from .catalogue import document_schema as document_schema
from .claim_status import (
    ClaimEntry as ClaimEntry,
    ClaimStatus as ClaimStatus,
    ComparedArms as ComparedArms,
    Finding as Finding,
    Status as Status,
)
from .difference import (
    ALL_TOGETHER as ALL_TOGETHER,
    CandidateChanges as CandidateChanges,
    Change as Change,
    CommonChange as CommonChange,
    CostChange as CostChange,
    Difference as Difference,
    RelativeChange as RelativeChange,
    What as What,
)
from .recommendation import (
    BrokenLimit as BrokenLimit,
    CrossFit as CrossFit,
    DropEntry as DropEntry,
    OtherRun as OtherRun,
    QualityFacts as QualityFacts,
    Recommendation as Recommendation,
    VariantFacts as VariantFacts,
)
from .summary import (
    ALL as ALL,
    Analysis as Analysis,
    Answer as Answer,
    ArmAttainment as ArmAttainment,
    Attainment as Attainment,
    AttainmentDifference as AttainmentDifference,
    Cells as Cells,
    CostEntry as CostEntry,
    FairnessEntry as FairnessEntry,
    FlipCounts as FlipCounts,
    FrontierEntry as FrontierEntry,
    NAME as NAME,
    NO_ANALYSIS as NO_ANALYSIS,
    NoSummary as NoSummary,
    NoiseEntry as NoiseEntry,
    Pick as Pick,
    QualityEntry as QualityEntry,
    Reference as Reference,
    RegionEntry as RegionEntry,
    ScoreEntry as ScoreEntry,
    Summary as Summary,
    SystemEntry as SystemEntry,
    TaskEntry as TaskEntry,
    VolumeEntry as VolumeEntry,
)
from .summary_file import analysis_of as analysis_of, read_analysis as read_analysis
