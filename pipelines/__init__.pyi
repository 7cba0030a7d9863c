from .api import Console as Console
from .api import InputError as InputError
from .api import Requirements as Requirements
from .api import Run as Run
from .api import Status as Status
from .api import plan as plan
from .api import run as run
from .api import search as search
