import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrinkle_core import errors
from wrinkle_core.errors import MAX_MESSAGE_CHARS, ServerFaultError, WrinkleError, error_codes, from_wire, to_wire

ALL_ERRORS = sorted(error_codes().values(), key=lambda error: error.__name__)


def test_every_error_class_has_a_code_of_its_own() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, WrinkleError)]
    assert len(error_codes()) == len(classes)


def test_every_error_class_is_exported_and_drawn_in_the_header() -> None:
    for error in ALL_ERRORS:
        assert error.__name__ in errors.__all__
        assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("error", ALL_ERRORS)
def test_an_error_survives_tritons_prefix(error: type[WrinkleError]) -> None:
    answer = from_wire(f"in ensemble 'wrinkle_unetpp', {to_wire(error('No face.'))}")
    assert type(answer) is error
    assert str(answer) == "No face."


@pytest.mark.parametrize("error", ALL_ERRORS)
def test_an_error_survives_pickling(error: type[WrinkleError]) -> None:
    copy = pickle.loads(pickle.dumps(error("gone")))
    assert (type(copy), str(copy)) == (error, "gone")


def test_text_that_no_step_wrote_is_no_wrinkle_error() -> None:
    assert from_wire("Socket closed") is None


def test_a_code_from_a_newer_server_becomes_a_server_fault() -> None:
    assert type(from_wire("[wrinkle:BRAND_NEW] odd")) is ServerFaultError


@given(st.text(max_size=2000))
def test_any_message_travels_as_one_bounded_line(message: str) -> None:
    wire = to_wire(ServerFaultError(message))
    assert "\n" not in wire
    assert len(wire) <= MAX_MESSAGE_CHARS + 40
    assert type(from_wire(wire)) is ServerFaultError
