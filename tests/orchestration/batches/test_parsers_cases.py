"""Files as people really send them: what each row becomes, and that no line of a file is unaccounted for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from approvals.actors import COMMAND_LINE
from approvals.models import OrderBatch, OrderExecution
from approvals.orchestration.batches import acceptance, progress, sources
from approvals.orchestration.batches.acceptance import BatchOptions
from approvals.orchestration.batches.runner import Runner

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starts")]

HEAD = "order_id,amount,currency,customer.email"
TWO = f"{HEAD}\nx-0,10.00,EUR,kim@example.com\nx-1,20.50,EUR,kim@example.com\n"
OF_TWO: dict[str, object] = {"x-0": "10.00", "x-1": "20.50"}
NOTES = f"{HEAD},note\n"
PIPE = "x-0,10.00,EUR,kim@example.com"
NOT_ONE = "is not digits with a point"
NO_ID = "The header has no order_id"

Refused = dict[int, str]
Case = tuple[str | bytes, dict[str, object], Refused]


def csv_with(*cells: str, header: str = "order_id,amount,currency") -> str:
    return "\n".join([header, *cells]) + "\n"


def array(*values: str, key: str = "amount") -> str:
    """A JSON array of orders, one a line, with these texts of JSON as amounts or as ids."""
    rows = [
        f'{{"order_id":"x-{n}","amount":{value}}}' if key == "amount" else f'{{"{key}":{value}}}'
        for n, value in enumerate(values)
    ]
    return "[" + ",\n".join(rows) + "]"


NUMBERS = array(
    *("0.1", "1e2", "1234567890123456789.12", "0.30000000000000004"),
    *("99999999999999.99", "10.10", "10000000000000000.0", "7"),
)
# Name of the file: its content, id and amount of each order, line and reason of each refused row.
CASES: dict[str, Case] = {
    "plain.csv": (TWO, OF_TWO, {}),
    "crlf.csv": (TWO.replace("\n", "\r\n"), OF_TWO, {}),
    "bom-crlf.csv": ("\ufeff" + TWO.replace("\n", "\r\n"), OF_TWO, {}),
    "cr-only.csv": (TWO.replace("\n", "\r"), OF_TWO, {}),
    "cr-only-no-end.csv": (TWO.rstrip().replace("\n", "\r"), OF_TWO, {}),
    "semicolon.csv": (TWO.replace(",", ";"), OF_TWO, {}),
    "semicolon-decimal-comma.csv": (
        TWO.replace(",", ";").replace(".00", ",00").replace(".50", ",50"),
        OF_TWO,
        {},
    ),
    "semicolon-thousands.csv": (
        "order_id;amount\nx-0;1,234\nx-1;1.234,50\nx-2;1,5\n",
        {"x-2": "1.5"},
        {2: NOT_ONE, 3: NOT_ONE},
    ),
    "tab.csv": (TWO.replace(",", "\t"), OF_TWO, {}),
    "pipe.csv": (TWO.replace(",", "|"), OF_TWO, {}),
    "utf-16-le.csv": (TWO.encode("utf-16"), OF_TWO, {}),
    "utf-16-be.csv": (b"\xfe\xff" + TWO.encode("utf-16-be"), OF_TWO, {}),
    "utf-16-no-mark.csv": (TWO.encode("utf-16-le"), {}, {1: "looks like UTF-16"}),
    "utf-32.csv": (TWO.encode("utf-32"), {}, {1: "UTF-32"}),
    "gz.csv.gz": (gzip.compress(TWO.encode(), mtime=0), OF_TWO, {}),
    "gz-of-utf-16": (gzip.compress(TWO.replace(",", ";").encode("utf-16"), mtime=0), OF_TWO, {}),
    "gz-broken.csv": (gzip.compress(TWO.encode(), mtime=0)[:-20], {}, {1: "breaks off"}),
    "xlsx.csv": (b"PK\x03\x04\x14\x00\x06\x00", {}, {1: "ZIP archive"}),
    "latin1.csv": ((NOTES + f"{PIPE},Müller\n").encode("latin-1"), {}, {2: "not UTF-8"}),
    "latin1-3000.csv": (
        (NOTES + f"{PIPE},Müller\n" * 3_000).encode("latin-1"),
        {},
        {2: "not UTF-8"},
    ),
    "total.csv": (
        f"{HEAD}\n{PIPE}\nTotal,10.00,,\n Gesamt: ,10.00,EUR,\n,10.00,,\nTotal-1,1.00,EUR,\n",
        {"x-0": "10.00", "Total-1": "1.00"},
        {3: "'Total' for its order_id: it adds others up", 4: "'Gesamt:'", 5: "order_id"},
    ),
    "latin1-header.csv": ("order_id,größe\nx,1\n".encode("latin-1"), {}, {1: "not UTF-8"}),
    "trailing-comma-all.csv": (f"{HEAD},\n{PIPE},\n", {}, {1: "a name of its own"}),
    "trailing-comma-rows.csv": (
        f"{HEAD}\n{PIPE},\nx-1,10.00,EUR,k@e.com\n",
        {"x-1": "10.00"},
        {2: "5 cells"},
    ),
    "quoted-newline.csv": (NOTES + f'{PIPE},"line one\nline ""two"""\n', {"x-0": "10.00"}, {}),
    "decimal-comma.csv": (
        csv_with('x-0,"1.234,50",EUR', 'x-1,"10,50",EUR'),
        {},
        {2: f"'1.234,50' {NOT_ONE}", 3: f"'10,50' {NOT_ONE}"},
    ),
    "thousands.csv": (
        csv_with('x-0,"1,234.50",EUR', "x-1,$10.50,EUR"),
        {},
        {2: f"'1,234.50' {NOT_ONE}", 3: f"'$10.50' {NOT_ONE}"},
    ),
    "dot-thousands.csv": (
        csv_with("x-0,1.234,EUR", "x-1,10.005,EUR", "x-2,1.234.567,EUR"),
        {},
        {2: "'1.234' has 3 decimals; EUR has 2", 3: "'10.005' has 3", 4: f"'1.234.567' {NOT_ONE}"},
    ),
    "currencies.csv": (
        csv_with("x-0,1.234,KWD", "x-1,100,JPY", "x-2,100.5,JPY", "x-3,1.2345,CLF", "x-4,5.5,"),
        {"x-0": "1.234", "x-1": "100", "x-3": "1.2345", "x-4": "5.5"},
        {4: "'100.5' has 1 decimals; JPY has 0"},
    ),
    "no-amounts.csv": (
        csv_with(
            *("x-0,1_000,EUR", "x-1,1e2,EUR", "x-2,١٢,EUR"),
            *("x-3,NaN,EUR", "x-4,10\u00a0000.00,EUR", "x-5,²,EUR"),
        ),
        {},
        dict.fromkeys(range(2, 8), NOT_ONE),
    ),
    "dup-header.csv": ("order_id,amount,amount\nx,1,2\n", {}, {1: "a name of its own"}),
    "header-spaces.csv": (
        " order_id , amount ,currency \n x-0 , 10.00 , EUR \n",
        {"x-0": "10.00"},
        {},
    ),
    "header-label.csv": ("Order ID,Amount\nx,1\n", {}, {1: NO_ID}),
    "empty-rows.csv": (f"{HEAD}\n\n{PIPE}\n,,,\n  \n", {"x-0": "10.00"}, {}),
    "bare-quote.csv": (
        NOTES + f'{PIPE},5" pipe\nx-1,10.00,EUR,k@e.com,"5" pipe"\n',
        {"x-0": "10.00"},
        {3: "not CSV"},
    ),
    "dup-ids-same.csv": (f"{HEAD}\n{PIPE}\n{PIPE}\n", {"x-0": "10.00"}, {}),
    "dup-ids-different.csv": (
        f"{HEAD}\n{PIPE}\nx-0,11.00,EUR,kim@example.com\n",
        {"x-0": "10.00"},
        {3: "other content"},
    ),
    "ids-with-blanks.csv": (
        "order_id,amount\nX,10.00\nX ,10.00\n X,10.00\n\u00a0X,10.00\n",
        {"X": "10.00"},
        {},
    ),
    "ids-in-two-forms.csv": ("order_id,amount\ne\u0301,1\n\u00e9,1\n", {"\u00e9": "1"}, {}),
    "ids-with-line-breaks.csv": (
        'order_id,amount\n"a\nb",1\n"c\n",1\n',
        {},
        {2: "unprintable", 4: "unprintable"},
    ),
    "empty.csv": ("", {}, {1: NO_ID}),
    "no-header.csv": (TWO.partition("\n")[2], {}, {1: NO_ID}),
    "nul.csv": (f"{HEAD}\nx-0,10.00,EUR,kim\0@e.com\n{PIPE}\n", {"x-0": "10.00"}, {2: "NUL"}),
    "items.csv": (
        'order_id,items:json\nx,"[{""sku"":""A"",""unit_price"":""5.005""}]"\n',
        {},
        {2: "unit_price is not an amount: '5.005'"},
    ),
    "lines.jsonl": (
        '{"order_id":"x-0","amount":"1.00"}\n\n{"order_id":"x-1","amount":"1.005"}\n',
        {"x-0": "1.00"},
        {3: "1.005"},
    ),
    "cr.jsonl": (
        '{"order_id":"x-0","amount":"1.00"}\r{"order_id":"x-1"}\r',
        {"x-0": "1.00", "x-1": None},
        {},
    ),
    "utf-16.jsonl": ('{"order_id":"x-0","amount":"1.00"}\n'.encode("utf-16"), {"x-0": "1.00"}, {}),
    "numbers.json": (
        NUMBERS,
        {
            "x-0": 0.1,
            "x-2": "1234567890123456789.12",
            "x-4": "99999999999999.99",
            "x-5": 10.1,
            "x-6": "10000000000000000",
            "x-7": 7,
        },
        {2: "'1e2'", 4: "17 decimals"},
    ),
    "ids.json": (
        array('"a\\r"', '"x "', '"x"', "123456789012345678901", "1.0", key="order_id"),
        {"x": None, "123456789012345678901": None},
        {1: "unprintable", 5: "whole number"},
    ),
}


def read(path: Path) -> OrderBatch:
    batch = acceptance.accept(sources.of_file(path), BatchOptions("executions"), by=COMMAND_LINE)
    reader = Runner(batch.pk, path)
    while reader.turn():
        pass
    reader.close()
    batch.refresh_from_db()
    return batch


def sums_agree(batch: OrderBatch, path: Path, below: int) -> None:
    """Each line of the file, `below` its header, is a row, refused, blank or a continuation."""
    found = progress.lines(batch)
    assert found is not None
    assert found["total"] == sum(count for name, count in found.items() if name != "total")
    assert found["total"] == below


@pytest.mark.parametrize("name", CASES)
def test_each_order_and_each_refusal_of_a_file_is_right(name: str, tmp_path: Path) -> None:
    content, orders, refused = CASES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    batch = read(path)

    rows = OrderExecution.objects.order_by("batch_item")
    assert {row.order_id: json.loads(row.input).get("amount") for row in rows} == orders
    found = {row.line: row.reason for row in batch.refusals.all()}
    assert found.keys() == refused.keys(), found
    assert all(refused[line] in reason for line, reason in found.items()), found
    if (1 in refused or "latin1" in name) and batch.format != "json":
        assert (batch.status, batch.refused) == ("stopped", 1)
    elif isinstance(content, str) and batch.format != "json":
        sums_agree(
            batch, path, len(content.replace("\r\n", "\n").splitlines()) - (batch.format == "csv")
        )


def notes(*rows: str) -> str:
    return "order_id,amount,note\n" + "\n".join(rows) + "\n"


def test_two_stray_quotes_that_swallow_orders_are_a_refusal_with_its_lines(tmp_path: Path) -> None:
    rows = [f"x-{n},10.00,plain" for n in range(60)]
    rows[1], rows[40] = 'x-1,10.00,"5 inch', 'x-40,10.00,6 inch"'
    path = tmp_path / "stray.csv"
    path.write_text(notes(*rows))

    batch = read(path)

    (refusal,) = batch.refusals.all()
    assert refusal.line == 3
    assert "Lines 3 to 42 (40 lines) went into it" in refusal.reason
    assert (batch.accepted, batch.refused, batch.continuation_lines) == (20, 1, 39)
    sums_agree(batch, path, 60)


def test_a_quote_that_is_never_closed_costs_200_lines_and_says_so(tmp_path: Path) -> None:
    rows = [f"x-{n},10.00,plain" for n in range(300)]
    rows[9] = 'x-9,10.00,"plain'
    path = tmp_path / "open.csv"
    path.write_text(notes(*rows))

    batch = read(path)

    (refusal,) = batch.refusals.all()
    assert "does not close within 200 lines" in refusal.reason
    assert "Lines 11 to 210 (200 lines) went into it" in refusal.reason
    assert (batch.accepted, batch.refused, batch.continuation_lines) == (100, 1, 199)
    sums_agree(batch, path, 300)


def test_a_quote_that_is_open_at_the_end_names_all_lines_up_to_it(tmp_path: Path) -> None:
    rows = [f"x-{n},10.00,plain" for n in range(30)]
    rows[9] = 'x-9,10.00,"plain'
    path = tmp_path / "open.csv"
    path.write_text(notes(*rows))

    batch = read(path)

    (refusal,) = batch.refusals.all()
    assert "Lines 11 to 31 (21 lines) went into it" in refusal.reason
    sums_agree(batch, path, 30)


def test_a_note_of_many_lines_and_one_over_64_kb(tmp_path: Path) -> None:
    fits = "\n".join(f"step {n}: look, then go on" for n in range(150))
    long = "\n".join("x" * 1_000 for _ in range(80))
    path = tmp_path / "notes.csv"
    path.write_text(notes(f'x-0,10.00,"{fits}"', f'x-1,10.00,"{long}"', "x-2,10.00,plain"))

    batch = read(path)

    assert set(OrderExecution.objects.values_list("order_id", flat=True)) == {"x-0", "x-2"}
    assert "65536 bytes" in batch.refusals.order_by("item")[0].reason
    sums_agree(batch, path, 150 + 80 + 1)


def test_a_batch_that_release_0_3_0_began_is_read_again_and_starts_nothing_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "two.csv"
    path.write_text(TWO)
    begun = read(path)
    OrderBatch.objects.filter(pk=begun.pk).update(
        lines=0, position=1, accepted=1, status="reading", trouble=""
    )  # as it wrote a batch after its first row

    reader = Runner(begun.pk, path)
    while reader.turn():
        pass
    reader.close()

    begun.refresh_from_db()
    assert OrderExecution.objects.count() == 2
    assert (begun.accepted, begun.known, begun.lines) == (1, 2, 2)
