"""The public names: what users import from `llm_memory_calculator`, and where each is made."""

from llm_memory_hardware import (
    HARDWARE_CONFIGS as HARDWARE_CONFIGS,
)
from llm_memory_hardware import (
    Accelerator as Accelerator,
)
from llm_memory_hardware import (
    DeviceMatch as DeviceMatch,
)
from llm_memory_hardware import (
    HardwareManager as HardwareManager,
)
from llm_memory_hardware import (
    LocalDevice as LocalDevice,
)
from llm_memory_hardware import (
    LocalHardware as LocalHardware,
)
from llm_memory_hardware import (
    Price as Price,
)
from llm_memory_hardware import (
    accelerator_from_config as accelerator_from_config,
)
from llm_memory_hardware import (
    all_accelerators as all_accelerators,
)
from llm_memory_hardware import (
    find_devices as find_devices,
)
from llm_memory_hardware import (
    get_accelerator as get_accelerator,
)
from llm_memory_hardware import (
    get_all_hardware as get_all_hardware,
)
from llm_memory_hardware import (
    get_best_rate as get_best_rate,
)
from llm_memory_hardware import (
    get_hardware_by_manufacturer as get_hardware_by_manufacturer,
)
from llm_memory_hardware import (
    get_hardware_by_type as get_hardware_by_type,
)
from llm_memory_hardware import (
    get_hardware_config as get_hardware_config,
)
from llm_memory_hardware import (
    local_hardware as local_hardware,
)
from llm_memory_hardware import (
    match_device as match_device,
)
from llm_memory_hardware import (
    search_hardware as search_hardware,
)
from llm_memory_hardware import (
    set_hardware_db_path as set_hardware_db_path,
)

from .api import (
    best_parallelism as best_parallelism,
)
from .api import (
    calculate_memory as calculate_memory,
)
from .api import (
    compare_hardware as compare_hardware,
)
from .api import (
    estimate_performance as estimate_performance,
)
from .api import (
    inspect_model as inspect_model,
)
from .api import (
    load_model as load_model,
)
from .api import (
    max_batch_size as max_batch_size,
)
from .architecture import (
    Architecture as Architecture,
)
from .architecture import (
    Layer as Layer,
)
from .architecture import (
    Step as Step,
)
from .errors import (
    AmbiguousHardwareError as AmbiguousHardwareError,
)
from .errors import (
    ArgumentError as ArgumentError,
)
from .errors import (
    CalculatorError as CalculatorError,
)
from .errors import (
    ConfigError as ConfigError,
)
from .errors import (
    DoesNotFitError as DoesNotFitError,
)
from .errors import (
    GatedModelError as GatedModelError,
)
from .errors import (
    HubOfflineError as HubOfflineError,
)
from .errors import (
    InvalidFileError as InvalidFileError,
)
from .errors import (
    InvalidHardwareError as InvalidHardwareError,
)
from .errors import (
    LayoutError as LayoutError,
)
from .errors import (
    SourceError as SourceError,
)
from .errors import (
    UnknownArgumentError as UnknownArgumentError,
)
from .errors import (
    UnknownFormatError as UnknownFormatError,
)
from .errors import (
    UnknownHardwareError as UnknownHardwareError,
)
from .errors import (
    UnknownModelError as UnknownModelError,
)
from .errors import (
    UnsupportedModelError as UnsupportedModelError,
)
from .memory.adapters import (
    LoraConfig as LoraConfig,
)
from .original.analysis import (
    HuggingFaceConfigLoader as HuggingFaceConfigLoader,
)
from .original.analysis import (
    analyze_attention_efficiency as analyze_attention_efficiency,
)
from .original.analysis import (
    analyze_hf_model as analyze_hf_model,
)
from .original.analysis import (
    compare_models as compare_models,
)
from .original.calculator import (
    ModelMemoryCalculator as ModelMemoryCalculator,
)
from .original.calculator import (
    UniversalParameterCounter as UniversalParameterCounter,
)
from .original.layouts import (
    get_best_parallelization_strategy as get_best_parallelization_strategy,
)
from .original.layouts import (
    get_minimum_system_size as get_minimum_system_size,
)
from .original.layouts import (
    get_pareto_optimal_performance as get_pareto_optimal_performance,
)
from .original.layouts import (
    get_various_parallelization as get_various_parallelization,
)
from .original.memory import (
    BatchLimit as BatchLimit,
)
from .original.memory import (
    estimate_max_batch_size as estimate_max_batch_size,
)
from .original.memory import (
    estimate_memory as estimate_memory,
)
from .original.performance import (
    ChunkedReport as ChunkedReport,
)
from .original.performance import (
    compare_performance_configurations as compare_performance_configurations,
)
from .original.performance import (
    estimate_chunked_performance as estimate_chunked_performance,
)
from .original.performance import (
    estimate_decode_performance as estimate_decode_performance,
)
from .original.performance import (
    estimate_end_to_end_performance as estimate_end_to_end_performance,
)
from .original.performance import (
    estimate_prefill_performance as estimate_prefill_performance,
)
from .parallel import (
    Parallelism as Parallelism,
)
from .report import (
    BatchReport as BatchReport,
)
from .report import (
    ComparisonReport as ComparisonReport,
)
from .report import (
    EndToEndReport as EndToEndReport,
)
from .report import (
    Interval as Interval,
)
from .report import (
    LayoutReport as LayoutReport,
)
from .report import (
    MemoryReport as MemoryReport,
)
from .report import (
    ModelReport as ModelReport,
)
from .report import (
    Note as Note,
)
from .report import (
    PhaseReport as PhaseReport,
)
from .sources import (
    catalogue_names as catalogue_names,
)

__version__: str
