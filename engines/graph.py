"""CUDA graphs, by cuda-bindings: pycuda has none."""

from collections.abc import Callable
from typing import Any

from engines.errors import EngineError, translated


class Graph:
    """What `record` enqueues on a stream, captured: one launch for all of it."""

    def __init__(self, stream: int, record: Callable[[], None]) -> None:
        """Raises:
        ImportError: cuda-bindings is not installed.
        EngineError: something in `record` cannot be captured.
        """
        from cuda.bindings import driver

        self._driver = driver
        mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("cuStreamBeginCapture", driver.CUstream(stream), mode)
        try:
            with translated("cannot be captured"):
                record()
        except EngineError:
            driver.cuStreamEndCapture(driver.CUstream(stream))  # its answer is the same error
            raise
        graph = self._call("cuStreamEndCapture", driver.CUstream(stream))
        try:
            self._executable = self._call("cuGraphInstantiate", graph, 0)
        finally:
            driver.cuGraphDestroy(graph)

    def launch(self, stream: int) -> None:
        self._call("cuGraphLaunch", self._executable, self._driver.CUstream(stream))

    def close(self) -> None:
        self._driver.cuGraphExecDestroy(self._executable)

    def _call(self, name: str, *arguments: Any) -> Any:
        status, *results = getattr(self._driver, name)(*arguments)
        if int(status):
            raise EngineError(f"{name} failed: {status}")
        return results[0] if results else None
