from .chooser import Chooser as Chooser
from .racing import hypervolume as hypervolume
from .search import search_recipe as search_recipe
from .space import Point as Point
from .space import Space as Space
from .space import point_key as point_key
from .trial_plans import Planned as Planned
from .trial_plans import TrialPlans as TrialPlans
