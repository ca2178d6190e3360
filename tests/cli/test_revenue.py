"""`llmwatch revenue`: files in, files corrected, files refused; nothing of a file with a wrong row is imported."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from llmwatch.cli import app
from llmwatch.errors import InputFileError, LlmwatchError, UsageError
from llmwatch.figures.revenue_file import read_revenue_file
from llmwatch.settings import Settings
from llmwatch.store import Store, file
from llmwatch.store.history import recall
from llmwatch.store.revenue import import_revenue
from tests.stores import call, empty_store, fill

HEAD = "customer,amount,date\n"


def run(home: Path, *arguments: str) -> str:
    """What the command prints in this process."""
    result = CliRunner().invoke(app, ["revenue", *arguments, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def csv_file(folder: Path, text: str, name: str = "invoices.csv") -> Path:
    """A file of the user's."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def stored(home: Path) -> list[tuple[Any, ...]]:
    """(customer, amount) of every event that counts."""
    with Store(Settings(home=home)).read() as con:
        sql = "select customer, amount_usd from revenue_records order by all"
        return con.execute(sql).fetchall()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with calls of acme and globex."""
    fill(empty_store(tmp_path / "home"), [call(1, customer_id="acme"), call(2, customer_id="Globex GmbH")])
    return tmp_path / "home"


def test_a_corrected_file_replaces_what_it_said_of_its_days(home: Path, tmp_path: Path) -> None:
    """A changed amount and a line that is gone; a file of the same name about another month adds to it."""
    run(home, "import", str(csv_file(tmp_path, f"{HEAD}acme,10,2026-09-01\nacme,20,2026-09-02\nacme,5,2026-09-30\n")))
    said = run(home, "import", str(csv_file(tmp_path, f"{HEAD}acme,10,2026-09-01\nacme,25,2026-09-30\n")))
    run(home, "import", str(csv_file(tmp_path, f"{HEAD}acme,7,2026-10-01\n")))

    assert "1 new, 0 changed, 1 as they were" in said
    assert "2 rows that invoices.csv does not say any more" in said
    assert stored(home) == [("acme", Decimal(7)), ("acme", Decimal(10)), ("acme", Decimal(25))]


def test_equal_rows_are_as_many_as_there_are(home: Path, tmp_path: Path) -> None:
    """Two equal lines are two events, also the second time; the same lines in another file are the same events."""
    text = f"{HEAD}acme,10,2026-09-01\nacme,10,2026-09-01\n"
    run(home, "import", str(csv_file(tmp_path, text)))
    run(home, "import", str(csv_file(tmp_path, text)))
    said = run(home, "import", str(csv_file(tmp_path, text, "copy.csv")))

    assert "2 rows known from another source too: counted once" in said
    assert stored(home) == [("acme", Decimal(10))] * 2


def test_ids_decide_where_there_are_any(home: Path, tmp_path: Path) -> None:
    """The same id with another amount is a correction; twice in one file it is refused."""
    head = "Invoice Line,Event ID,Customer,Amount USD,Date\n"
    run(home, "import", str(csv_file(tmp_path, f"{head}1,a,acme,10,2026-09-01\n")))
    said = run(home, "import", str(csv_file(tmp_path, f"{head}1,a,acme,12,2026-09-01\n")))

    assert "0 new, 1 changed, 0 as they were" in said
    assert stored(home) == [("acme", Decimal(12))]
    with pytest.raises(InputFileError, match="line 3: the id 'a' stands on line 2 already"):
        read_revenue_file(csv_file(tmp_path, f"{head}1,a,acme,10,2026-09-01\n2,a,acme,1,2026-09-01\n"))


def test_a_dry_run_changes_nothing_and_says_what_it_would(home: Path, tmp_path: Path) -> None:
    """The same sentences in the conditional; the store is as it was."""
    path = csv_file(tmp_path, f"{HEAD}acme,10,2026-09-01\nglobex,1,2026-09-01\n")

    said = run(home, "import", str(path), "--dry-run")

    assert "2 rows of 2 customers would be imported, $11.00 in all" in said
    assert "Globex GmbH" in said
    assert stored(home) == []


def test_an_import_can_be_taken_back(home: Path, tmp_path: Path) -> None:
    """By the name that `list` shows; what code has said stays."""
    run(home, "import", str(csv_file(tmp_path, f"{HEAD}acme,10,2026-09-01\n")), "--source", "stripe")
    assert "stripe" in run(home, "list")

    assert run(home, "undo", "stripe") == "1 row of stripe withdrawn.\n"

    assert stored(home) == []
    with pytest.raises(UsageError, match="cannot be taken back"):
        run(home, "undo", "code")


def test_a_dry_run_shows_every_kind_of_row(home: Path, tmp_path: Path) -> None:
    """Paid invoices and what is taken off them, void ones beside them, with amounts."""
    head = "id,Customer,Currency,Date (UTC),Tax,Total,Status\n"
    rows = "in_1,acme,usd,2026-09-01 10:00,20.00,120.00,paid\nin_2,acme,usd,2026-09-02 10:00,10.00,60.00,void\n"

    said = run(home, "import", str(csv_file(tmp_path, head + rows)), "--dry-run", "--format", "json")

    tables = json.loads(said)["sections"][0]["tables"]
    kinds = {row["kind"]: row for row in tables[0]["rows"]}
    assert [(kinds[kind]["rows"], kinds[kind]["counted_usd"]) for kind in ("paid", "tax")] == [(1, "120"), (1, "-20")]
    assert (kinds["void"]["counted_usd"], kinds["void"]["not_counted_usd"]) == (None, "60")


def test_an_invoice_that_becomes_void_does_not_count_any_more(home: Path, tmp_path: Path) -> None:
    """Also where it lies outside the days of the rows that still count."""
    head = "id,customer,date,amount,status\n"
    rows = "1,acme,2026-09-01,10,paid\n2,acme,2026-09-30,20,paid\n"
    run(home, "import", str(csv_file(tmp_path, head + rows)))

    said = run(home, "import", str(csv_file(tmp_path, head + rows.replace("20,paid", "20,void"))))

    assert "1 row that invoices.csv does not say any more: withdrawn" in said
    assert stored(home) == [("acme", Decimal(10))]


def test_a_sale_in_two_exports_is_pointed_out(home: Path, tmp_path: Path) -> None:
    """An invoice and its payment have two ids: same customer, amount and day."""
    run(home, "import", str(csv_file(tmp_path, "id,customer,date,amount\nin_1,acme,2026-09-01 10:00,10.00\n")))
    text = "id,customer,date,amount\nch_1,acme,2026-09-01 10:05,10.00\nch_2,acme,2026-09-02,10.00\n"

    said = run(home, "import", str(csv_file(tmp_path, text, "payments.csv")))

    assert "1 row looks like one of invoices.csv under another id, as 'ch_1' and 'in_1'" in " ".join(said.split())


def test_a_question_is_one_sentence_and_exit_code_2(home: Path, tmp_path: Path) -> None:
    """With the flag that answers it; the answer imports the file."""
    path = csv_file(tmp_path, f'{HEAD}acme,"1,234",2026-09-01\n')
    result = CliRunner().invoke(app, ["revenue", "import", str(path), "--home", str(home)])

    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert "--decimal" in result.exception.hint
    assert "$1,234.00 in all" in run(home, "import", str(path), "--decimal", "point")


def test_an_import_is_taken_back_and_what_it_replaced_is_back(home: Path, tmp_path: Path) -> None:
    """Three imports of one file, the last two undone, the newest first; an import that changes nothing is none."""
    first, second, third = (
        f"id,{HEAD}1,acme,10,2026-09-01\n2,acme,20,2026-09-02\n",
        f"id,{HEAD}1,acme,11,2026-09-01\n3,acme,30,2026-09-02\n",
        f"id,{HEAD}1,acme,12,2026-09-01\n3,acme,30,2026-09-02\n",
    )
    for text in (first, second, third, third):
        run(home, "import", str(csv_file(tmp_path, text)))
    newest, middle, oldest = imports(home)

    with pytest.raises(UsageError, match=f"imported again after {middle}.*undo {newest}"):
        run(home, "undo", middle)
    assert run(home, "undo", newest) == "1 row of invoices.csv withdrawn, 1 back as before the import.\n"
    assert stored(home) == [("acme", Decimal(11)), ("acme", Decimal(30))]
    assert run(home, "undo", middle) == "2 rows of invoices.csv withdrawn, 2 back as before the import.\n"
    assert stored(home) == [("acme", Decimal(10)), ("acme", Decimal(20))]
    assert imports(home) == [oldest]
    run(home, "import", str(csv_file(tmp_path, second)))
    assert stored(home) == [("acme", Decimal(11)), ("acme", Decimal(30))]


def test_what_was_known_before_an_undo_stays_known(home: Path, tmp_path: Path) -> None:
    """As of a moment between an import and its undo the import stands."""
    run(home, "import", str(csv_file(tmp_path, f"id,{HEAD}1,acme,10,2026-09-01\n")))
    run(home, "import", str(csv_file(tmp_path, f"id,{HEAD}1,acme,11,2026-09-01\n")))
    between = datetime.now(UTC).replace(tzinfo=None)
    run(home, "undo", imports(home)[0])

    assert known(home, between) == [Decimal(11)]
    assert known(home, datetime.now(UTC).replace(tzinfo=None)) == [Decimal(10)]


def imports(home: Path) -> list[str]:
    """Ids of the imports that `list` shows, the newest first."""
    sections = {one["key"]: one for one in json.loads(run(home, "list", "--format", "json"))["sections"]}
    return [row["import_id"] for row in sections["imports"]["tables"][0]["rows"]]


def known(home: Path, moment: datetime) -> list[Decimal]:
    """Amounts that were known at the moment."""
    with Store(Settings(home=home)).read() as con:
        recall(con, moment)
        return [amount for (amount,) in con.execute("select amount_usd from revenue order by all").fetchall()]


def test_check_names_both_sides(home: Path, tmp_path: Path) -> None:
    """Who pays and makes no calls, with the nearest name; who makes calls and of whom nothing is known."""
    run(home, "import", str(csv_file(tmp_path, f"{HEAD}globex gmbh.,10,2026-09-01\n")))

    said = run(home, "check")

    unmatched, unpaid = said.split("THEY MAKE CALLS")
    assert "globex gmbh." in unmatched
    assert "Globex GmbH" in unmatched
    assert "acme" in unpaid


def test_parquet_says_what_csv_says(tmp_path: Path) -> None:
    """Typed columns give the same events with the same ids."""
    text = f"{HEAD[:-1]},period_start,period_end\nacme,10.5,2026-09-01,2026-09-01,2026-10-01\n"
    frame = pl.read_csv(text.encode(), try_parse_dates=True)
    frame.write_parquet(tmp_path / "invoices.parquet")

    typed = read_revenue_file(tmp_path / "invoices.parquet")

    assert typed.rows == read_revenue_file(csv_file(tmp_path, text)).rows
    assert typed.rows[0].recognised_until is not None


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("49", "49"), ("-1.5", "-1.5"), ("$1,234.50", "1234.5"), ("-$3", "-3"), ("(12.00)", "-12"), ("49 USD", "49"),
     ("1e-7", "0.0000001")],
)  # fmt: skip
def test_amounts_keep_their_sign_and_every_digit(tmp_path: Path, cell: str, amount: str) -> None:
    """As spreadsheets and accountants write them."""
    path = csv_file(tmp_path, f'{HEAD}acme,"{cell}",2026-09-01\n')

    assert [row.amount_usd for row in read_revenue_file(path).rows] == [Decimal(amount)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{HEAD}acme,ten,2026-09-01\n", "line 2: the amount 'ten' is not a number"),
        (f'{HEAD}acme,"4,9,0",2026-09-01\n', "line 2: the amount '4,9,0' is not a number"),
        (f"{HEAD}acme,1,2026-09-01\n\nacme,1,1/32/2026\n", "line 4: date '1/32/2026' is not a date"),
        (f"{HEAD}acme,1,2026-09-01\n,2,\n", "line 3: the customer and the date are empty"),
        (f"{HEAD}acme,€5,2026-09-01\n", "only US dollars"),
        ("customer,amount,currency,date\nacme,5,EUR,2026-09-01\n", "the amount is in EUR; only US dollars"),
        (f"{HEAD}acme,1\n", "line 2: 2 cells where 3 columns are named"),
        (HEAD, "there is no row"),
        ("customer,amount,net,date\nacme,1,2,2026-09-01\n", "could all be the amount"),
        ("customer,date\nacme,2026-09-01\n", "no column is the amount"),
        ("customer,amount,period_start\nacme,1,2026-09-01\n", "a period needs two columns"),
        ("customer,amount,from,until\nacme,1,2026-09-01,2026-09-01\n", "--end-included"),
    ],
)
def test_a_row_that_is_not_understood_refuses_the_file(home: Path, tmp_path: Path, text: str, problem: str) -> None:
    """One sentence with file and line; nothing of the file is imported."""
    path = csv_file(tmp_path, text)

    with pytest.raises(LlmwatchError, match="invoices.csv") as caught:
        run(home, "import", str(path))

    assert problem in str(caught.value)
    assert stored(home) == []


NAMES, NOTES = st.sampled_from(["acme", "globex"]), st.sampled_from(["a", "b", "c"])
ROWS = st.lists(st.tuples(NAMES, st.integers(-5000, 5000), st.integers(1, 28), NOTES), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tables and views of today without a file."""
    con = file.connect(":memory:", tmp_path_factory.mktemp("memory"), read_only=False)
    file.migrate(con, 0)
    return con


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ROWS, second=ROWS)
def test_the_order_of_imports_changes_nothing(con: Any, tmp_path: Path, first: Any, second: Any) -> None:
    """Two files, either first, each once or twice: the same events."""
    files: list[Any] = []
    for name, rows in (("one.csv", first), ("two.csv", second)):
        lines = "".join(f"{c},{cents / 100:.2f},2026-09-{day:02d},{note}\n" for c, cents, day, note in rows)
        files.append(read_revenue_file(csv_file(tmp_path, f"customer,amount,date,note\n{lines}", name)))
    found: list[Any] = []
    for order in ((0, 1), (1, 0, 1)):
        con.execute("delete from revenue")
        for n in order:
            import_revenue(con, ("one.csv", "two.csv")[n], files[n].rows)
        sql = "select customer, amount_usd, occurred_at from revenue_records order by all"
        found.append(con.execute(sql).fetchall())

    assert found[0] == found[1]
