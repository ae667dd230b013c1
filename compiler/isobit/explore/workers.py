"""Where trials run: in this process, in processes of this machine, or on a Dask cluster. The results are the same."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol

from isobit.errors import IsobitError, printable

_GOES_ON = "the study goes on where it was when it is started again"
_PATIENCE = 10
"""Seconds to wait for a scheduler to answer."""


class Workers(Protocol):
    """Calls a function on each of several arguments and gives their numbers and results, the first finished first."""

    def __call__(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """The number of the arguments and what the function made of them."""


def here(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
    """One after the other, in this process."""
    for i, values in enumerate(arguments):
        yield i, function(*values)


@contextmanager
def processes(count: int) -> Iterator[Workers]:
    """``count`` processes of this machine, each started anew."""
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:

        def run(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
            futures = {pool.submit(function, *values): i for i, values in enumerate(arguments)}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BrokenProcessPool as error:
                what = "a process of the exploration was ended, for want of memory perhaps"
                raise IsobitError("E610", what, hint="fewer --workers; the study goes on where it was") from error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

        yield run


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """The workers of the Dask scheduler at ``address``. What a worker had when it died is run again on another.

    Raises:
        IsobitError: E303 without Dask, E622 when nothing answers there, or no more; E610 for a trial whose workers all
            died.
    """
    try:
        from concurrent.futures import CancelledError

        from distributed import Client
        from distributed import as_completed as finished
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise IsobitError("E303", "Dask is not installed", hint='pip install -e ".[explore]"') from error
    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        hint = "start one: dask scheduler, then dask worker ADDRESS on every machine"
        raise IsobitError("E622", printable(error), where=printable(address), hint=hint) from error
    with client:

        def run(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
            # A study's functions may give another result each time: never an earlier one by the same name.
            futures = {client.submit(function, *values, pure=False): i for i, values in enumerate(arguments)}
            try:
                for future in finished(futures):
                    yield futures[future], future.result()
            except KilledWorker as error:
                what = "a trial ended every worker that it was given to, for want of memory perhaps"
                raise IsobitError("E610", what, where=printable(address), hint=_GOES_ON) from error
            except (CancelledError, CommClosedError, TimeoutError) as error:
                what = f"the scheduler is gone: {printable(error) or type(error).__name__}"
                raise IsobitError("E622", what, where=printable(address), hint=_GOES_ON) from error

        yield run
