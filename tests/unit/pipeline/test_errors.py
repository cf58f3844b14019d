"""One line for each mistake, with the whole key."""

import pytest

from probeline.pipeline.errors import LONGEST, ParamError, UserError, at, listed, unknown


def test_a_message_is_one_line_whatever_it_names() -> None:
    assert UserError("a\nb").lines == ("a\\nb",)
    # A carriage return would write over the line, U+2028 ends one, U+202E turns it, and a terminal obeys an escape.
    assert UserError("a\rb\u2028c\u202ed\x1b[2Je\x85\ud800é").lines == (r"a\rb\u2028c\u202ed\x1b[2Je\x85\ud800é",)
    assert str(UserError("one", "two")) == "one\ntwo"


@pytest.mark.parametrize(
    ("key", "remedy", "line"),
    [
        ("lr", "lower it", "params.yaml: lr: is high; lower it"),
        ("", "lower it", "params.yaml: is high; lower it"),
        ("lr", "", "params.yaml: lr: is high"),
    ],
)
def test_a_mistake_at_a_key_is_a_line_of_file_key_and_remedy(key: str, remedy: str, line: str) -> None:
    assert ParamError(key, "is high", remedy).lines == (line,)


def test_every_place_on_the_way_out_is_part_of_the_key() -> None:
    with pytest.raises(ParamError) as error, at("train.mine"), at("optimizer"):
        raise ParamError("lr", "is high", "lower it")
    assert error.value.lines == ("params.yaml: train.mine.optimizer.lr: is high; lower it",)
    assert error.value.key == "train.mine.optimizer.lr"


def test_a_mistake_in_all_of_an_entry_has_the_entry_for_a_key() -> None:
    with pytest.raises(ParamError) as error, at("train.mine"), at(""):
        raise ParamError("", "is wrong", "mend it")
    assert str(error.value) == "params.yaml: train.mine: is wrong; mend it"


def test_other_errors_leave_a_place_as_they_are() -> None:
    with pytest.raises(UserError) as error, at("train.mine"):
        raise UserError("a.npz: is damaged; mend it")
    assert error.value.lines == ("a.npz: is damaged; mend it",)


def test_what_a_part_finds_becomes_what_is_wrong_and_what_to_do() -> None:
    found = ParamError.of("model", ValueError("too deep; 3 layers at most; give fewer"))
    assert (found.what, found.remedy) == ("too deep; 3 layers at most", "give fewer")
    assert ParamError.of("model", ValueError("too deep")).lines == ("params.yaml: model: too deep",)


def test_an_unknown_name_gets_the_nearest_or_all_there_are() -> None:
    assert unknown("layer", "haed", ["head", "body"]) == "unknown layer 'haed'; did you mean 'head'?"
    assert unknown("layer", "zzz", ["head", "body"]) == "unknown layer 'zzz'; there is: body, head"
    assert unknown("layer", "zzz", []) == "unknown layer 'zzz'; there is: none"


def test_many_names_are_the_first_of_them_and_a_number() -> None:
    assert listed(["a", "b"]) == "a, b"
    found = listed(f"name-{number}" for number in range(1000))
    assert found.startswith("name-0, name-1, ")
    assert found.endswith(" more")
    shown, _, more = found.removesuffix(" more").rpartition(" and ")
    assert len(shown.split(", ")) + int(more) == 1000
    assert listed(["x" * 500, "y" * 500, "z"]).endswith("x... and 2 more")


def test_no_line_is_longer_than_a_reader_takes_and_its_remedy_stays() -> None:
    (line,) = UserError(f"{'x' * 5000}; write it anew").lines
    assert len(line) == LONGEST - 1
    assert line.endswith("; write it anew")
    assert len(unknown("key", "x" * 5000, map(str, range(5000)))) < LONGEST


def test_a_name_that_no_terminal_can_show_is_escaped() -> None:
    assert UserError("class \udc80").lines == ("class \\udc80",)
