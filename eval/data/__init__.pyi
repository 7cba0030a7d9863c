from .language_facts import LANGUAGES as LANGUAGES
from .own_tasks import Reading as Reading
from .source import Data as Data
from .source import DataFile as DataFile
from .source import DataSpec as DataSpec
