"""Tokens are drawn, hashed and looked up; a file that cannot be trusted lets nobody in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_server.gateway.tokens import TokenFile, append_line, new_token


def test_new_token_is_valid_once_its_line_is_in_the_file(token_file: Path) -> None:
    drawn = new_token("clinic-a")
    token_file.write_text(f"{new_token('other').line}\n\n# note\n{drawn.line}\n", encoding="utf-8")
    assert TokenFile(token_file).client_of(drawn.token) == "clinic-a"


@pytest.mark.parametrize("before", ["", "# by hand", "# by hand\n"])
def test_appended_line_stands_for_itself(before: str, token_file: Path) -> None:
    token_file.write_text(before, encoding="utf-8")
    drawn = new_token("clinic-a")
    append_line(token_file, drawn.line)
    assert TokenFile(token_file).client_of(drawn.token) == "clinic-a"


def test_token_has_256_bits_and_its_line_does_not_hold_it() -> None:
    first, second = new_token("a"), new_token("a")
    assert first.token != second.token
    assert first.token.startswith("wrk_")
    assert len(first.token) == len("wrk_") + 43
    assert first.token.removeprefix("wrk_") not in first.line
    assert first.token not in repr(first)


def test_two_tokens_of_one_client_are_valid_while_it_changes_over(token_file: Path) -> None:
    old, new = new_token("clinic-a"), new_token("clinic-a")
    token_file.write_text(f"{old.line}\n{new.line}\n", encoding="utf-8")
    tokens = TokenFile(token_file)
    assert tokens.client_of(old.token) == tokens.client_of(new.token) == "clinic-a"


def test_removed_token_is_refused_without_a_restart(token_file: Path, token: str) -> None:
    tokens = TokenFile(token_file)
    assert tokens.client_of(token) == "clinic-a"
    token_file.write_text(f"{new_token('other').line}\n", encoding="utf-8")
    assert tokens.client_of(token) is None


@pytest.mark.parametrize("wrong", ["", "wrk_", "wrk_" + "A" * 43, "A" * 47, "wrk_é" + "A" * 42])
def test_token_that_was_never_drawn_is_refused(token_file: Path, token: str, wrong: str) -> None:
    assert TokenFile(token_file).client_of(wrong) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_file_open_to_others_is_refused(token_file: Path, token: str, mode: int) -> None:
    token_file.chmod(mode)
    with pytest.raises(ArtifactError, match="chmod 600"):
        TokenFile(token_file).refresh()


@pytest.mark.parametrize(("mode", "taken"), [(0o440, True), (0o400, True), (0o444, False), (0o460, False)])
def test_secret_of_a_pod_is_taken_while_only_its_group_reads_it(
    token_file: Path, token: str, monkeypatch: pytest.MonkeyPatch, mode: int, taken: bool
) -> None:
    real = token_file.stat()
    of_root = os.stat_result((stat.S_IFREG | mode, *real[1:4], 0, *real[5:]))
    monkeypatch.setattr(os, "getuid", lambda: 10001)
    monkeypatch.setattr(Path, "stat", lambda self: of_root)
    if taken:
        assert TokenFile(token_file).client_of(token) == "clinic-a"
    else:
        with pytest.raises(ArtifactError, match="chmod 600"):
            TokenFile(token_file).refresh()


@pytest.mark.parametrize(
    "line", ["clinic-a", "clinic-a:abc", "Clinic:" + "0" * 64, "a:" + "0" * 63 + "g", ":" + "0" * 64]
)
def test_malformed_line_is_refused_with_its_number(token_file: Path, token: str, line: str) -> None:
    token_file.write_text(token_file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="Line 3 "):
        TokenFile(token_file).refresh()


def test_file_that_became_malformed_lets_nobody_in_until_it_is_mended(token_file: Path, token: str) -> None:
    tokens, good = TokenFile(token_file), token_file.read_text(encoding="utf-8")
    tokens.refresh()
    token_file.write_text(f"{good}nonsense\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ArtifactError):
            tokens.client_of(token)
    token_file.write_text(good, encoding="utf-8")
    assert tokens.client_of(token) == "clinic-a"


def test_file_that_disappears_lets_nobody_in(token_file: Path, token: str) -> None:
    tokens = TokenFile(token_file)
    tokens.refresh()
    os.remove(token_file)
    with pytest.raises(ArtifactError, match="cannot be read"):
        tokens.client_of(token)


@pytest.mark.parametrize("name", ["", "Clinic", "a:b", "x" * 65, "-a", "a b"])
def test_name_that_would_break_the_file_or_a_header_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameterError):
        new_token(name)


def test_same_token_twice_in_the_file_is_refused(token_file: Path) -> None:
    line = new_token("a").line
    token_file.write_text(f"{line}\n{line}\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="repeats"):
        TokenFile(token_file).refresh()
