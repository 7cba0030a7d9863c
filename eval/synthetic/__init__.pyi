from .write import GENERATOR as GENERATOR
from .write import write_data as write_data
