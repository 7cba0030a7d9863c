from .all_forms import build as build
from .card import model_card as model_card
from .markdown import table as table
