from .fingerprints import Fingerprints as Fingerprints
from .lock import Lock as Lock
from .run_folder import RunFolder as RunFolder, SCHEMA as SCHEMA, TERMINATOR as TERMINATOR, utc_now as utc_now
from .seal_warning import warn_of_changes as warn_of_changes
from .store import Store as Store, remove as remove
