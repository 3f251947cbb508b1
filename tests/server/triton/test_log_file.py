"""A log is cut when it is long, and what stood in it before is kept once."""

from __future__ import annotations

from pathlib import Path

from wrinkle_server.triton.log_file import begin_log, earlier_part, keep_log_short, last_lines


def test_log_is_begun_anew_or_continued(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "triton.log"
    for keep, text in ((False, b"first"), (True, b"second"), (False, b"third")):
        with begin_log(path, keep=keep) as log:
            log.write(text)
    assert earlier_part(path).read_bytes() == b"firstsecond"
    assert path.read_bytes() == b"third"


def test_only_a_long_log_is_cut_and_its_writer_goes_on_at_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "triton.log"
    with begin_log(path, keep=False) as log:
        log.write(b"x" * 100)
        log.flush()
        keep_log_short(path, 100)
        assert not earlier_part(path).exists()
        keep_log_short(path, 99)
        log.write(b"E1122 later\n")
    assert earlier_part(path).read_bytes() == b"x" * 100
    assert last_lines(path) == ["E1122 later"]


def test_log_is_cut_where_the_part_before_cannot_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "triton.log"
    path.write_bytes(b"x" * 100)
    earlier_part(path).symlink_to("/dev/full")
    keep_log_short(path, 10)
    assert path.stat().st_size == 0


def test_stream_under_a_name_is_neither_moved_nor_cut(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    path.symlink_to("/dev/null")
    begin_log(path, keep=False).close()
    keep_log_short(path, 0)
    assert path.is_symlink()
    assert last_lines(path) == []
