"""Which layouts and which accelerators serve a load, and which are best."""

from .cells import layouts_of
from .comparison import Tried, comparison_report, try_accelerators
from .layouts import best_layouts, best_or_more, fewest_in_node, layout_report, of_a_node
from .plan import Targets, plan_report, search as plans

__all__ = [
    "Targets",
    "Tried",
    "best_layouts",
    "best_or_more",
    "comparison_report",
    "fewest_in_node",
    "layout_report",
    "layouts_of",
    "of_a_node",
    "plan_report",
    "plans",
    "try_accelerators",
]
