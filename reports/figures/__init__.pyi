from .build import figures as figures
