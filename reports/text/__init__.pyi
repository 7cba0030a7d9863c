from .environment import facts as facts
from .escaping import (
    code as code,
    embedded_json as embedded_json,
    markdown as markdown,
    midway as midway,
    spreadsheet as spreadsheet,
    visible as visible,
)
from .languages import language_name as language_name
from .numbers import (
    MINUS as MINUS,
    duration as duration,
    number as number,
    points as points,
    prefix as prefix,
    ratio as ratio,
    three_digits as three_digits,
)
