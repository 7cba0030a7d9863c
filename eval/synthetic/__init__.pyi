from .write import write_data as write_data
