"""What is no ordinary file is refused at once, by forked readers: nothing here is about how a reader starts."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_files import bounded

from inffeed_core.data.reading import read
from inffeed_core.errors import ImportRefused


@pytest.fixture(autouse=True)
def in_bounds() -> Iterator[None]:
    with bounded():
        yield


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "xlsx"])
def test_what_is_no_ordinary_file(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    links = {
        "zero": "/dev/zero",
        "random": "/dev/urandom",
        "stdin": "/dev/stdin",
        "tree": "/usr",
        "kernel": "/proc/kmsg",
    }
    links |= {"map": "/proc/self/mem", "core": "/proc/kcore", "sys": "/sys/kernel/uevent_seqnum"}
    for link, target in links.items():
        (tmp_path / f"{link}.{suffix}").symlink_to(target)
    for path in tmp_path.iterdir():
        if path.exists():
            with pytest.raises(ImportRefused) as caught:
                read(path)
            message = str(caught.value)
            assert "nothing was changed" in message
            assert str(path) in message
            assert "Choose an ordinary file" in message


def test_a_link_to_an_ordinary_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("text,label\na,b\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert len(read(tmp_path / "link.csv").rows) == 1


def test_standard_input_has_no_format() -> None:
    with pytest.raises(ImportRefused, match="not end in a format") as caught:
        read(Path("-"))
    assert "nothing was changed" in str(caught.value)
