import pytest

from cal_jax.data.readers.table import built, read_table
from cal_jax.errors import InputError


def written(tmp_path, text, name="labels.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns_are_strings_without_spaces(tmp_path):
    path = written(tmp_path, '\ufefffile, who ,n\r\n"a,b.png", ann,1\r\n\r\nc.png,"bo\nb", 10\r\n')
    table = read_table(path)
    assert {name: column.tolist() for name, column in table.items()} == {
        "file": ["a,b.png", "c.png"],
        "who": ["ann", "bo\nb"],
        "n": ["1", "10"],
    }
    assert list(read_table(path, ("n", "file"))) == ["n", "file"]


def test_tabs(tmp_path):
    path = written(tmp_path, "file\twho\nx,y.png\tann\n", "labels.tsv")
    assert read_table(path)["file"].tolist() == ["x,y.png"]


def test_empty_values_count_only_in_columns_that_are_read(tmp_path):
    path = written(tmp_path, "a,b\n1,\n2,3\n")
    assert read_table(path, ("a",))["a"].tolist() == ["1", "2"]
    with pytest.raises(InputError, match=r"labels.csv: line 2 has no b; accepted: a value"):
        read_table(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"header \[\]; accepted: names"),
        ("a,a\n1,2\n", "header .*; accepted: names, none empty, each once"),
        ("a,\n1,2\n", "none empty"),
        ("a,b\n", "no rows below the header; accepted: one an item"),
        ("a,b\n1,2\n3\n", "line 3 has 1 values; accepted: 2, as the header names"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 values; accepted: 2"),
        ("a,c\n1,2\n", "no column 'b'; accepted: a, c"),
        (b"a,b\n1,\xff\n", "byte 6 is not UTF-8; accepted: a CSV file"),
        ('a,b\n1,"2\n', "line 2 or after it: unexpected end of data; accepted: a CSV"),
        ("a,b\n1," + "x" * 200_000 + "\n", "field larger than field limit .*; accepted"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, reason):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=reason) as caught:
        read_table(path, ("a", "b"))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none.csv: cannot be read \(No such file.*accepted"):
        read_table(tmp_path / "none.csv")


def test_what_the_data_set_refuses_names_its_source():
    with pytest.raises(InputError, match="here: items: int64; accepted"):
        built("here", [[1], [2]], {"a": [1, 2]})
