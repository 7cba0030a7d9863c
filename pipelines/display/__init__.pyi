from .listing import show as show
from .listing import show_doctor as show_doctor
from .outliers import show_outliers as show_outliers
from .plan import plan_json as plan_json
from .plan import show_plan as show_plan
from .progress import Terminal as Terminal
