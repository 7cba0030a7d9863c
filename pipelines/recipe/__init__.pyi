from .checks import (
    check as check,
    find_recipe as find_recipe,
    load_recipe as load_recipe,
    shipped_recipes as shipped_recipes,
)
from .json_schema import recipe_schema as recipe_schema
from .located_yaml import read_yaml as read_yaml
from .probe_groups import BY_SUBMIT as BY_SUBMIT, groups as groups, nameable as nameable, taken as taken
from .schema import Checked as Checked, Measure as Measure, Recipe as Recipe, Setting as Setting
