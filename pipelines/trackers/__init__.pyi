from ._tracker import TRACKERS as TRACKERS
from ._tracker import Tracker as Tracker
from ._tracker import track_run as track_run
from ._tracker import tracker as tracker
