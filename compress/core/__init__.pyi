from .artifact import (
    Artifact as Artifact,
    Format as Format,
    Head as Head,
    MANIFEST as MANIFEST,
    Manifest as Manifest,
    PACKED as PACKED,
    seal as seal,
    sha256_file as sha256_file,
)
from .atomic import (
    append_line as append_line,
    disk_error as disk_error,
    replace_json as replace_json,
    replace_text as replace_text,
    writing as writing,
)
from .data_protocol import Examples as Examples, Split as Split, Supply as Supply
from .errors import (
    ArtifactDamaged as ArtifactDamaged,
    InputError as InputError,
    hint as hint,
    shortened as shortened,
)
from .fork import Only as Only, check_only as check_only, check_own_set as check_own_set, is_meant as is_meant
from .json_file import read_json as read_json
from .ordering import Rule as Rule, broken_at_end as broken_at_end, broken_here as broken_here
from .registry import Catalog as Catalog, STEPS as STEPS
from .sources import (
    EACH as EACH,
    ENCODER as ENCODER,
    Member as Member,
    checked_on as checked_on,
    parse_member as parse_member,
    title as title,
    unknown_member as unknown_member,
    with_language as with_language,
)
from .step import (
    Context as Context,
    DataNeed as DataNeed,
    Flow as Flow,
    Made as Made,
    Misfit as Misfit,
    Step as Step,
)
from .step_help import (
    example_recipe as example_recipe,
    field_docs as field_docs,
    formats as formats,
    prose as prose,
)
from .stopwatch import Ratio as Ratio, Run as Run, interleaved as interleaved, speedup as speedup
from .teacher import SOURCE as SOURCE, earlier_flow as earlier_flow, earlier_label as earlier_label
from .transformers_log import quiet as quiet
from .wording import enumerated as enumerated
