from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.data.attributes import AGE_BANDS, NOT_STATED, read_attributes

TABLE = "id,age,sex,skin_tone\n00001,34,f,III\n00002,30,m,V\n00003,71.5,f,\n00004,,m,V\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(TABLE, "utf-8")
    return path


def test_people_are_grouped_by_equal_texts(table: Path) -> None:
    groups = read_attributes(table).groups("skin_tone", ["00001", "00002", "00003", "00004"])
    assert groups == {"III": ("00001",), "V": ("00002", "00004"), NOT_STATED: ("00003",)}


def test_ages_are_grouped_into_bands_in_rising_order(table: Path) -> None:
    groups = read_attributes(table).groups("age", ["00003", "00001", "00002", "00004"], bands=AGE_BANDS)
    assert list(groups) == ["30 to <40", "70 to <120", NOT_STATED]
    assert groups["30 to <40"] == ("00001", "00002")


def test_a_picture_the_table_does_not_know_is_not_stated(table: Path) -> None:
    assert read_attributes(table).groups("sex", ["99999"]) == {NOT_STATED: ("99999",)}


def test_an_unknown_attribute_is_refused_with_those_there_are(table: Path) -> None:
    with pytest.raises(InvalidParameterError, match="age, sex, skin_tone"):
        read_attributes(table).groups("height", ["00001"])


def test_a_text_that_is_no_number_has_no_band(table: Path) -> None:
    with pytest.raises(ContractError, match="sex of 00001 is 'f'"):
        read_attributes(table).groups("sex", ["00001"], bands=AGE_BANDS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,age\nx,1\n", "needs a column 'id'"),
        ("id\n00001\n", "needs a column 'id' and one"),
        ("id,age\n00001,3\n00001,4\n", r"line 3 names 00001 twice"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(ContractError, match=message):
        read_attributes(path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"people\.csv is missing"):
        read_attributes(tmp_path / "people.csv")
