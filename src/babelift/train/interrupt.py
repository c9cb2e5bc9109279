"""Ctrl-C as a request that training answers at the next safe point."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupt:
    """While open, the first Ctrl-C only sets `requested`; a second one interrupts at once.

    Signals reach the main thread only; opened in another thread this does nothing.

    >>> with Interrupt() as interrupt:
    ...     interrupt.requested
    False
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: object = None
        self._installed = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            # A process that was started with Ctrl-C ignored (by nohup, say) goes on ignoring it.
            if self._before is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._handle)
                self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._installed:
            self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def _restore(self) -> None:
        before = self._before if self._before is not None else signal.default_int_handler
        signal.signal(signal.SIGINT, before)  # type: ignore[arg-type]
        self._installed = False
