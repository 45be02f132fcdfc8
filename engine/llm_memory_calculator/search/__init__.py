"""Which layouts and which accelerators serve a load, and which are best."""

from .cells import layouts_of
from .comparison import LIMITS, Tried, comparison_report, price_of, rows_of, try_accelerators, would_do
from .front import unbeaten
from .grid import grid_report
from .layouts import best_layouts, best_or_more, dealt, fewest_in_node, layout_report, of_a_node
from .mesh import Axes
from .plan import plan_report, search as plans
from .points import Offer, Targets

__all__ = [
    "LIMITS",
    "Axes",
    "Offer",
    "Targets",
    "Tried",
    "best_layouts",
    "best_or_more",
    "comparison_report",
    "dealt",
    "fewest_in_node",
    "grid_report",
    "layout_report",
    "layouts_of",
    "of_a_node",
    "plan_report",
    "plans",
    "price_of",
    "rows_of",
    "try_accelerators",
    "unbeaten",
    "would_do",
]
