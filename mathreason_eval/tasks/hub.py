"""Data sets on a hub, by the package `datasets`, or plainly where it is not installed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mathreason_eval.errors import DataError, MissingExtraError
from mathreason_eval.tasks import HubData
from mathreason_eval.tasks.readers import FORMATS, PlacedRow, Row, read_file
from mathreason_eval.text.documents import DocumentError, parse_yaml


class HubError(DataError):
    """A data set of a hub cannot be read."""


def hub_rows(data: HubData, name: str) -> Iterator[PlacedRow]:
    """Yield the rows of a hub data set, each with its place: a hub counts rows from 0.

    Args:
        data: the data set.
        name: what `--data` calls it, for the error.

    Raises:
        HubError: there is no such data set, revision, configuration or split, it may not be read,
            or there is no network and nothing is cached.
        MissingExtraError: neither `datasets` nor huggingface_hub is installed.
    """
    read = _by_datasets if find_spec("datasets") else _plainly
    for config, split in itertools.product(data.configs or (None,), data.splits):
        source = " ".join(filter(None, (data.hub, config, split)))
        try:
            for index, row in enumerate(read(data, config, split)):
                yield PlacedRow(source=source, place=f"{source}, row {index}", row=row)
        # The libraries pass on whatever their transport raises; all of it means the same to a user.
        except (OSError, ValueError, ConnectionError, RuntimeError) as error:
            raise HubError(
                f"The data set {data.hub} at {data.revision[:12]} could not be loaded: "
                f"{_reason(error)}.",
                f"{_remedy(error)}Without a network, name a local copy with --data {name}=PATH.",
            ) from None


def _by_datasets(data: HubData, config: str | None, split: str) -> Iterator[Row]:
    import datasets

    yield from datasets.load_dataset(data.hub, config, split=split, revision=data.revision)


def _reason(error: BaseException) -> str:
    """Return the first line of an error, without a full stop."""
    return (str(error).strip().partition("\n")[0] or type(error).__name__).rstrip(".")[:300]


def _remedy(error: BaseException) -> str:
    """Return what helps against a data set that is not open to everybody."""
    gated = "gated" in str(error).lower() or type(error).__name__ == "GatedRepoError"
    return "Accept its conditions on the hub, and set HF_TOKEN. " if gated else ""


# --- without the package `datasets` ----------------------------------------------------------


def _plainly(data: HubData, config: str | None, split: str) -> Iterator[Row]:
    """Yield the rows of a split by the files that hold it.

    Raises:
        ValueError: no file is known to hold it, or a row of one is malformed.
        OSError: the hub cannot be reached, or has no such data set.
        MissingExtraError: huggingface_hub is not installed.
    """
    if not find_spec("huggingface_hub"):
        raise MissingExtraError("datasets", "hub", f"Loading {data.hub} from its hub")
    from huggingface_hub import hf_hub_download

    of_data = {"repo_id": data.hub, "repo_type": "dataset", "revision": data.revision}
    names = _files(of_data)
    readme = "README.md" in names and Path(hf_hub_download(filename="README.md", **of_data))
    patterns = _stated_files(readme.read_text(encoding="utf-8"), config, split) if readme else ()
    found = [one for one in sorted(names) if _holds(one, config, split, patterns)]
    if not found:
        raise ValueError(
            f"no file of it is known to hold {' '.join(filter(None, (config, split)))}"
        )
    for one in found:
        yield from read_file(Path(hf_hub_download(filename=one, **of_data)))


def _files(of_data: Mapping[str, str]) -> list[str]:
    """Return the files of a data set; where the hub cannot be reached, those that are cached.

    Raises:
        OSError: it cannot be reached and nothing is cached, or has no such data set.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return list(HfApi().list_repo_files(**of_data))
    except HfHubHTTPError:
        raise
    # Its transports raise errors of their own where there is no network, another with each version.
    except Exception as error:  # noqa: BLE001
        try:
            cached = Path(snapshot_download(**of_data, local_files_only=True))
        except LocalEntryNotFoundError:
            raise ConnectionError(f"the hub cannot be reached: {_reason(error)}") from None
        paths = (path for path in cached.rglob("*") if path.is_file())
        return [path.relative_to(cached).as_posix() for path in paths]


def _stated_files(readme: str, config: str | None, split: str) -> tuple[str, ...]:
    """Return the patterns of a split's files that the head of a data set's README states."""
    head = re.match(r"---\n(.*?)\n---", readme, re.DOTALL)
    try:
        said = parse_yaml(head[1].encode()) if head else None
    except DocumentError:
        return ()
    configs = said.get("configs") if isinstance(said, dict) else None
    for one in configs if isinstance(configs, list) else ():
        if isinstance(one, dict) and (config is None or one.get("config_name") == config):
            return tuple(_patterns(one.get("data_files"), split))
    return ()


def _patterns(said: Any, split: str) -> Iterator[str]:  # noqa: ANN401  parsed YAML
    for one in said if isinstance(said, list) else [said]:
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict) and one.get("split") == split:
            paths = one.get("path")
            yield from (path for path in (paths if isinstance(paths, list) else [paths]) if path)


def _holds(name: str, config: str | None, split: str, patterns: Sequence[str]) -> bool:
    """Return whether a file holds rows of a split: as is stated, else as its name says."""
    if not name.endswith(FORMATS):
        return False
    if patterns:
        return any(fnmatchcase(name, pattern) for pattern in patterns)
    *folders, file = name.split("/")
    within = config is None or config in folders or config in re.split(r"[-_.]", file)
    return within and split in [*folders, *re.split(r"[-_.]", file)]
