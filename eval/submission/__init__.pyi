from .answers import Answers as Answers
from .format import Format as Format
from .leaderboard import (
    GROUPS as GROUPS,
    NINE as NINE,
    file_of as file_of,
    format_of as format_of,
    title as title,
)
from .lines import Indices as Indices, Labels as Labels, MinedPairs as MinedPairs, Tags as Tags
from .scoring import Scores as Scores, TaskScore as TaskScore, score_folder as score_folder
