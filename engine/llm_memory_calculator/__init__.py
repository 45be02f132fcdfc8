"""Memory, speed and layouts of language models on accelerators, from one description of each model.

    >>> from llm_memory_calculator import calculate_memory
    >>> print(calculate_memory("meta-llama/Llama-3.1-70B", tensor_parallel=4))

Importing the package imports nothing more: a public name is imported from its room when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_memory_hardware import (
        HARDWARE_CONFIGS as HARDWARE_CONFIGS,
        Accelerator as Accelerator,
        DeviceMatch as DeviceMatch,
        HardwareManager as HardwareManager,
        LocalDevice as LocalDevice,
        LocalHardware as LocalHardware,
        Price as Price,
        accelerator_from_config as accelerator_from_config,
        all_accelerators as all_accelerators,
        find_devices as find_devices,
        get_accelerator as get_accelerator,
        get_all_hardware as get_all_hardware,
        get_best_rate as get_best_rate,
        get_hardware_by_manufacturer as get_hardware_by_manufacturer,
        get_hardware_by_type as get_hardware_by_type,
        get_hardware_config as get_hardware_config,
        local_hardware as local_hardware,
        match_device as match_device,
        search_hardware as search_hardware,
        set_hardware_db_path as set_hardware_db_path,
    )

    from .api import (
        best_parallelism as best_parallelism,
        calculate_memory as calculate_memory,
        compare_hardware as compare_hardware,
        estimate_performance as estimate_performance,
        estimate_serving as estimate_serving,
        explain_startup_log as explain_startup_log,
        fewest_devices as fewest_devices,
        inspect_model as inspect_model,
        load_model as load_model,
        longest_context as longest_context,
        max_batch_size as max_batch_size,
        plan_deployment as plan_deployment,
        search_grid as search_grid,
        smallest_device as smallest_device,
    )
    from .architecture import (
        Architecture as Architecture,
        Layer as Layer,
        Step as Step,
    )
    from .errors import (
        AmbiguousHardwareError as AmbiguousHardwareError,
        ArgumentError as ArgumentError,
        CalculatorError as CalculatorError,
        ConfigError as ConfigError,
        DoesNotFitError as DoesNotFitError,
        GatedModelError as GatedModelError,
        HubOfflineError as HubOfflineError,
        InvalidFileError as InvalidFileError,
        InvalidHardwareError as InvalidHardwareError,
        LayoutError as LayoutError,
        SourceError as SourceError,
        UnknownArgumentError as UnknownArgumentError,
        UnknownFormatError as UnknownFormatError,
        UnknownHardwareError as UnknownHardwareError,
        UnknownModelError as UnknownModelError,
        UnsupportedModelError as UnsupportedModelError,
    )
    from .memory.adapters import (
        LoraConfig as LoraConfig,
    )
    from .original.analysis import (
        HuggingFaceConfigLoader as HuggingFaceConfigLoader,
        analyze_attention_efficiency as analyze_attention_efficiency,
        analyze_hf_model as analyze_hf_model,
        compare_models as compare_models,
    )
    from .original.calculator import (
        ModelMemoryCalculator as ModelMemoryCalculator,
        UniversalParameterCounter as UniversalParameterCounter,
    )
    from .original.layouts import (
        get_best_parallelization_strategy as get_best_parallelization_strategy,
        get_minimum_system_size as get_minimum_system_size,
        get_pareto_optimal_performance as get_pareto_optimal_performance,
        get_various_parallelization as get_various_parallelization,
    )
    from .original.memory import (
        BatchLimit as BatchLimit,
        estimate_max_batch_size as estimate_max_batch_size,
        estimate_memory as estimate_memory,
    )
    from .original.performance import (
        compare_performance_configurations as compare_performance_configurations,
        estimate_chunked_performance as estimate_chunked_performance,
        estimate_decode_performance as estimate_decode_performance,
        estimate_end_to_end_performance as estimate_end_to_end_performance,
        estimate_prefill_performance as estimate_prefill_performance,
    )
    from .original.reports import (
        ChunkedReport as ChunkedReport,
        DecodeReport as DecodeReport,
        PrefillReport as PrefillReport,
        TwoPhaseReport as TwoPhaseReport,
    )
    from .parallel import (
        Parallelism as Parallelism,
    )
    from .performance.calibration import (
        TimeCalibration as TimeCalibration,
        TimeFactor as TimeFactor,
    )
    from .report import (
        BatchReport as BatchReport,
        ComparisonReport as ComparisonReport,
        DisaggregatedReport as DisaggregatedReport,
        EndToEndReport as EndToEndReport,
        GridReport as GridReport,
        GridRow as GridRow,
        ImagesReport as ImagesReport,
        Interval as Interval,
        LayoutReport as LayoutReport,
        MemoryReport as MemoryReport,
        ModelReport as ModelReport,
        Note as Note,
        PhaseReport as PhaseReport,
        Plan as Plan,
        PlanReport as PlanReport,
        PlanSearch as PlanSearch,
        ServingReport as ServingReport,
        StartupLogReport as StartupLogReport,
        SweepReport as SweepReport,
    )
    from .sources import (
        catalogue_names as catalogue_names,
    )
    from .sweeps import (
        sweep as sweep,
    )
    from .validation import (
        calibrate as calibrate,
    )

__version__ = "0.1.0"

_ROOMS = {
    "llm_memory_hardware": (
        "Accelerator",
        "DeviceMatch",
        "HARDWARE_CONFIGS",
        "HardwareManager",
        "LocalDevice",
        "LocalHardware",
        "Price",
        "accelerator_from_config",
        "all_accelerators",
        "find_devices",
        "get_accelerator",
        "get_all_hardware",
        "get_best_rate",
        "get_hardware_by_manufacturer",
        "get_hardware_by_type",
        "get_hardware_config",
        "local_hardware",
        "match_device",
        "search_hardware",
        "set_hardware_db_path",
    ),
    ".api": (
        "best_parallelism",
        "calculate_memory",
        "compare_hardware",
        "estimate_performance",
        "estimate_serving",
        "explain_startup_log",
        "fewest_devices",
        "inspect_model",
        "load_model",
        "plan_deployment",
        "search_grid",
        "longest_context",
        "max_batch_size",
        "smallest_device",
    ),
    ".architecture": (
        "Architecture",
        "Layer",
        "Step",
    ),
    ".errors": (
        "AmbiguousHardwareError",
        "ArgumentError",
        "CalculatorError",
        "ConfigError",
        "DoesNotFitError",
        "GatedModelError",
        "HubOfflineError",
        "InvalidFileError",
        "InvalidHardwareError",
        "LayoutError",
        "SourceError",
        "UnknownArgumentError",
        "UnknownFormatError",
        "UnknownHardwareError",
        "UnknownModelError",
        "UnsupportedModelError",
    ),
    ".memory.adapters": ("LoraConfig",),
    ".original.analysis": (
        "HuggingFaceConfigLoader",
        "analyze_attention_efficiency",
        "analyze_hf_model",
        "compare_models",
    ),
    ".original.calculator": (
        "ModelMemoryCalculator",
        "UniversalParameterCounter",
    ),
    ".original.layouts": (
        "get_best_parallelization_strategy",
        "get_minimum_system_size",
        "get_pareto_optimal_performance",
        "get_various_parallelization",
    ),
    ".original.memory": (
        "BatchLimit",
        "estimate_max_batch_size",
        "estimate_memory",
    ),
    ".original.performance": (
        "compare_performance_configurations",
        "estimate_chunked_performance",
        "estimate_decode_performance",
        "estimate_end_to_end_performance",
        "estimate_prefill_performance",
    ),
    ".original.reports": (
        "ChunkedReport",
        "DecodeReport",
        "PrefillReport",
        "TwoPhaseReport",
    ),
    ".parallel": ("Parallelism",),
    ".performance.calibration": (
        "TimeCalibration",
        "TimeFactor",
    ),
    ".report": (
        "BatchReport",
        "ComparisonReport",
        "DisaggregatedReport",
        "EndToEndReport",
        "GridReport",
        "GridRow",
        "ImagesReport",
        "Interval",
        "LayoutReport",
        "MemoryReport",
        "ModelReport",
        "Plan",
        "PlanReport",
        "PlanSearch",
        "Note",
        "PhaseReport",
        "ServingReport",
        "StartupLogReport",
        "SweepReport",
    ),
    ".sources": ("catalogue_names",),
    ".sweeps": ("sweep",),
    ".validation": ("calibrate",),
}
"""Where each public name is made."""
_HOME_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
