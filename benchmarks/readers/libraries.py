"""The readers, old and new, and the lines that read a file with each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A library that reads Parquet, in one version.

    Args:
        packages: what is installed to run it; the first one is the library.
        code: Python, or JavaScript where `packages` are npm's. It reads the file at `path`, and leaves a list of
            values by column in `columns`.
        npm: whether the packages are npm's.
    """

    name: str
    version: str
    packages: tuple[str, ...]
    code: str
    npm: bool = False


PANDAS = """
import pandas
columns = pandas.read_parquet(path).to_dict("list")
"""
POLARS = """
import polars
columns = polars.read_parquet(path).to_dict(as_series=False)
"""
PYARROW = """
import pyarrow.parquet
columns = pyarrow.parquet.read_table(path).to_pydict()
"""
DUCKDB = """
import duckdb
duckdb.execute("SET TimeZone = 'UTC'")
found = duckdb.sql(f"SELECT * REPLACE (event_time::TIMESTAMPTZ AS event_time) FROM '{path}'")
columns = dict(zip(found.columns, zip(*found.fetchall())))
"""
SPARK = """
from pyspark.sql import SparkSession
settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(name, value)
found = builder.getOrCreate().read.parquet(path)
columns = dict(zip(found.columns, zip(*found.collect())))
"""
FASTPARQUET = """
import fastparquet
columns = fastparquet.ParquetFile(path).to_pandas().to_dict("list")
"""
CHDB = """
import chdb, json
query = f"SELECT * REPLACE (toUnixTimestamp64Milli(event_time) AS event_time) FROM file('{path}', Parquet)"
columns = json.loads(chdb.query(query, "JSONColumns").bytes())
"""
DATAFUSION = """
import datafusion
columns = datafusion.SessionContext().read_parquet(path).to_pydict()
"""
DAFT = """
import daft
columns = daft.read_parquet(path).to_pydict()
"""
PYICEBERG = """
import pyarrow.parquet, tempfile
from pyiceberg.catalog.sql import SqlCatalog
catalog = SqlCatalog("catalog", uri="sqlite:///:memory:", warehouse=f"file://{tempfile.mkdtemp()}")
catalog.create_namespace("payments")
schema = pyarrow.parquet.read_schema(path)
plain = [f.with_type(f.type.value_type) if pyarrow.types.is_dictionary(f.type) else f for f in schema]
table = catalog.create_table("payments.days", pyarrow.schema(plain))
table.add_files([path])
columns = table.scan().to_arrow().to_pydict()
"""
DELTALAKE = """
import deltalake, pyarrow, shutil, tempfile
folder = tempfile.mkdtemp()
shutil.copy(path, folder)
deltalake.convert_to_deltalake(folder)
builder = deltalake.QueryBuilder().register("days", deltalake.DeltaTable(folder))
columns = pyarrow.table(builder.execute("SELECT * FROM days").read_all()).to_pydict()
"""
HYPARQUET = """
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet"
const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path) })
const columns = Object.fromEntries(Object.keys(rows[0]).map((name) => [name, rows.map((row) => row[name])]))
"""
PARQUETJS = """
import { createRequire } from "node:module"
const parquet = createRequire(import.meta.url)("@dsnp/parquetjs")
const reader = await parquet.ParquetReader.openFile(path)
const cursor = reader.getCursor()
const columns = Object.fromEntries(Object.keys(reader.getSchema().fields).map((name) => [name, []]))
for (let row = await cursor.next(); row; row = await cursor.next())
  for (const name in columns) columns[name].push(row[name] ?? null)
"""
PARQUET_WASM = """
import { readFileSync } from "node:fs"
import { tableFromIPC } from "apache-arrow"
import { readParquet } from "parquet-wasm"
const table = tableFromIPC(readParquet(readFileSync(path)).intoIPCStream())
const columns = Object.fromEntries(table.schema.fields.map(({ name }) => [name, [...table.getChild(name)]]))
"""


def _on_pypi(name: str, version: str, code: str, *others: str) -> Library:
    return Library(name, version, (f"{name}=={version}", *others), code)


def _on_npm(name: str, version: str, code: str, *others: str) -> Library:
    return Library(name, version, (f"{name}@{version}", *others), code, npm=True)


LIBRARIES = (
    _on_pypi("pyarrow", "14.0.2", PYARROW, "numpy<2"),
    _on_pypi("pyarrow", "26.0.1", PYARROW),
    _on_pypi("pandas", "2.1.4", PANDAS, "pyarrow==14.0.2", "numpy<2"),
    _on_pypi("pandas", "3.1.1", PANDAS, "pyarrow==26.0.1"),
    _on_pypi("polars", "0.20.31", POLARS),
    _on_pypi("polars", "2.1.0", POLARS),
    _on_pypi("duckdb", "0.9.2", DUCKDB, "pytz"),
    _on_pypi("duckdb", "1.0.0", DUCKDB, "pytz"),
    _on_pypi("duckdb", "2.0.0", DUCKDB, "pytz"),
    _on_pypi("pyspark", "3.3.4", SPARK),
    _on_pypi("pyspark", "4.3.0", SPARK),
    _on_pypi("fastparquet", "2026.9.0", FASTPARQUET),
    _on_pypi("chdb", "4.4.0", CHDB),
    _on_pypi("datafusion", "55.0.0", DATAFUSION),
    _on_pypi("daft", "0.7.26", DAFT),
    Library("pyiceberg", "0.12.0", ("pyiceberg[sql-sqlite,pyarrow]==0.12.0",), PYICEBERG),
    _on_pypi("deltalake", "1.6.6", DELTALAKE, "pyarrow==26.0.1"),
    _on_npm("hyparquet", "1.31.5", HYPARQUET),
    _on_npm("@dsnp/parquetjs", "1.8.9", PARQUETJS),  # 1.9.3 was published without its code
    _on_npm("parquet-wasm", "0.8.0", PARQUET_WASM, "apache-arrow@21.2.0"),
)
