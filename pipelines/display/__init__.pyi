from .listing import show as show, show_doctor as show_doctor
from .outliers import show_outliers as show_outliers
from .plan import plan_json as plan_json, show_plan as show_plan
from .progress import Terminal as Terminal
