"""Tables of data, and the files that hold them."""

from . import case


@case("pandas", quick=True)
def pandas():
    import io

    import pandas as pd

    frame = pd.read_csv(io.StringIO("key,value\nx,1\ny,2\nx,5\n"))
    assert frame.groupby("key").value.sum().to_dict() == {"x": 6, "y": 2}
    assert frame.merge(pd.DataFrame({"key": ["y"], "other": [9]})).other.tolist() == [9]


@case("pandas")
def pandas_time_zones():
    import pandas as pd

    hours = pd.date_range("2021-03-27", periods=72, freq="h", tz="Europe/Berlin")
    assert pd.Series(1, hours).resample("D").sum().tolist()[:3] == [24, 23, 24]


@case("polars", quick=True)
def polars():
    import polars as pl

    frame = pl.DataFrame({"key": ["x", "y", "x"], "value": [1, 2, 5]})
    sums = frame.lazy().group_by("key").agg(pl.col("value").sum()).sort("key").collect()
    assert sums.rows() == [("x", 6), ("y", 2)]


@case("pyarrow", "pandas", quick=True)
def pyarrow():
    import io

    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.parquet

    file = io.BytesIO()
    pa.parquet.write_table(pa.table({"n": range(500)}), file)
    table = pa.parquet.read_table(io.BytesIO(file.getvalue()))
    assert pa.compute.max(table["n"]).as_py() == 499
    assert table.to_pandas().n.sum() == 124750


@case("duckdb", quick=True)
def duckdb():
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("create table squares as select i, i * i as square from range(100) numbers(i)")
        assert connection.execute("select sum(square) from squares").fetchone() == (328350,)


@case("statsmodels")
def statsmodels():
    import numpy as np
    import statsmodels.api as sm

    x = np.arange(40.0)
    fit = sm.OLS(3 * x - 2, sm.add_constant(x)).fit()
    assert np.allclose(fit.params, [-2, 3])


@case("dask", "numpy")
def dask():
    import dask.array as da

    assert int(da.arange(1000, chunks=100).sum().compute(scheduler="threads")) == 499500


@case("pyreadstat", "pandas")
def pyreadstat():
    import os
    import tempfile

    import pandas as pd
    import pyreadstat

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "table.dta")
        pyreadstat.write_dta(pd.DataFrame({"n": [4.0, 5.0]}), path)
        assert pyreadstat.read_dta(path)[0].n.tolist() == [4, 5]


@case("openpyxl")
def openpyxl():
    import io

    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["a", 5])
    book.save(file)
    assert openpyxl.load_workbook(file).active["B1"].value == 5


@case("deltalake", "pyarrow")
def deltalake():
    import tempfile

    import deltalake
    import pyarrow as pa

    with tempfile.TemporaryDirectory() as folder:
        deltalake.write_deltalake(folder, pa.table({"n": [1, 2, 3]}))
        assert deltalake.DeltaTable(folder).to_pyarrow_table().num_rows == 3


@case("datafusion")
def datafusion():
    import datafusion

    context = datafusion.SessionContext()
    assert context.sql("select 6 * 7 as answer").to_pydict() == {"answer": [42]}


@case("fastavro")
def fastavro():
    import io

    import fastavro

    schema = {"type": "record", "name": "point", "fields": [{"name": "x", "type": "int"}]}
    file = io.BytesIO()
    fastavro.writer(file, schema, [{"x": 3}, {"x": 4}])
    file.seek(0)
    assert [record["x"] for record in fastavro.reader(file)] == [3, 4]


@case("h5py", quick=True)
def h5py():
    import io

    import h5py
    import numpy as np

    with h5py.File(io.BytesIO(), "w") as file:
        file.create_dataset("group/numbers", data=np.arange(1000), compression="gzip")
        file["group"].attrs["unit"] = "m"
        assert file["group/numbers"][10:20].sum() == 145
        assert file["group"].attrs["unit"] == "m"


@case("tables")
def pytables():
    import os
    import tempfile

    import tables

    with tempfile.TemporaryDirectory() as folder:
        with tables.open_file(os.path.join(folder, "t.h5"), "w") as file:
            file.create_earray("/", "numbers", tables.Int64Atom(), (0,)).append(list(range(50)))
            assert file.root.numbers[:].sum() == 1225


@case("netCDF4")
def netcdf4():
    import netCDF4

    with netCDF4.Dataset("in memory", "w", diskless=True) as file:
        file.createDimension("x", 4)
        file.createVariable("height", "f8", ("x",))[:] = [1, 2, 3, 4]
        assert file["height"][:].mean() == 2.5


@case("cftime")
def cftime():
    import cftime

    date = cftime.num2date(59, "days since 2001-01-01", calendar="360_day")
    assert (date.month, date.day) == (2, 30)
