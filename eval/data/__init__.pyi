from .language_facts import LANGUAGES as LANGUAGES
from .source import Data as Data
from .source import DataFile as DataFile
from .source import DataSpec as DataSpec
