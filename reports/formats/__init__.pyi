from .all_forms import build as build
from .card import model_card as model_card
from .card_metadata import Released as Released
from .markdown_table import table as table
