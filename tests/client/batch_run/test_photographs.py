"""What a run finds in files, folders, patterns and standard input."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from wrinkle_client import EmptyImageError, InvalidParameterError
from wrinkle_client.batch_run.output_names import unique
from wrinkle_client.batch_run.photographs import MISSING, find_photographs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder: in/ with photographs on two levels, a hidden one and a text file."""
    for name in ("in/b.png", "in/a.jpg", "in/deep/a.jpg", "in/.hidden.jpg", "in/deep/.cache/c.jpg", "in/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str, recursive: bool = False, out: str = "out") -> list[str]:
    return [one.name for one in find_photographs(arguments, Path(out), recursive=recursive)]


def test_a_folder_is_read_sorted_and_deeper_only_when_asked(folder: Path) -> None:
    assert names("in") == ["a.jpg", "b.png"]
    assert names("in", recursive=True) == ["a.jpg", "b.png", "deep/a.jpg"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("in/*.jpg", ["a.jpg"]), ("in/**/*.jpg", ["a.jpg", "deep/a.jpg"]), ("in/[b-z].*", ["b.png"])],
)
def test_a_quoted_pattern_is_expanded_here(folder: Path, pattern: str, found: list[str]) -> None:
    assert names(pattern) == found


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "in[1].jpg").touch()
    assert names("in[1].jpg") == ["in[1].jpg"]


@pytest.mark.parametrize("argument", ["in/deep/.cache", "in/*.gif", "empty"])
def test_nothing_found_is_wrong_usage(folder: Path, argument: str) -> None:
    (folder / "empty").mkdir()
    (folder / "in/deep/.cache/c.jpg").unlink()
    with pytest.raises(InvalidParameterError, match=r"no photograph|no file"):
        names(argument)


def test_results_of_an_earlier_run_are_no_photographs(folder: Path) -> None:
    (folder / "in/out").mkdir()
    (folder / "in/out/a-overlay.png").touch()
    assert names("in", recursive=True, out="in/out") == ["a.jpg", "b.png", "deep/a.jpg"]
    assert names("in/**/*.png", out="in/out") == ["b.png"]
    with pytest.raises(InvalidParameterError, match="results go"):
        names("in", out="in")


def test_photographs_of_one_name_are_told_apart(folder: Path) -> None:
    found = find_photographs(["in/a.jpg", "in/deep/a.jpg", "in/deep"], Path("out"))
    assert [(one.name, one.stem) for one in found] == [("a.jpg", "a"), ("a.jpg #2", "a-2"), ("a.jpg #3", "a-3")]


@pytest.mark.parametrize("ending", [".jpg", ".mp4"])
def test_a_name_too_long_for_a_file_fails_in_its_turn(folder: Path, ending: str) -> None:
    (photograph,) = find_photographs(["x" * 5000 + ending], folder / "out")
    assert photograph.revision == MISSING


def test_a_photograph_in_the_way_of_a_result_is_refused(folder: Path) -> None:
    (folder / "in/a-mask.png").touch()
    with pytest.raises(InvalidParameterError, match=r"a-mask\.png"):
        find_photographs(["in/a.jpg", "in/a-mask.png"], folder / "in")


def test_a_revision_changes_with_the_file(folder: Path) -> None:
    def revision() -> str:
        return find_photographs(["in/a.jpg"], Path("out"))[0].revision

    first = revision()
    assert revision() == first
    os.utime("in/a.jpg", ns=(1, 1))
    assert revision() != first


def test_standard_input_is_read_once_and_named_by_its_content(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(content: bytes, *arguments: str) -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return find_photographs(arguments, Path("out"))[0].revision

    assert found(b"one", "-") == found(b"one", "-") != found(b"two", "-")
    with pytest.raises(EmptyImageError):
        found(b"", "-")
    with pytest.raises(InvalidParameterError, match="only once"):
        found(b"one", "-", "-")


def test_taken_names_get_a_number_in_whatever_case() -> None:
    assert unique(["a", "A", "a-2", "a"], separator="-") == ["a", "A-2", "a-2-2", "a-3"]
