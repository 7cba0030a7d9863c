from .language_facts import LANGUAGES as LANGUAGES
from .source import Data as Data, DataFile as DataFile, DataSpec as DataSpec
