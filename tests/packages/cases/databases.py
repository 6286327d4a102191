"""Databases in the process, and clients of servers, as far as they go without a server."""

from . import case


@case("lmdb", quick=True)
def lmdb():
    import tempfile

    import lmdb

    with tempfile.TemporaryDirectory() as folder:
        with lmdb.open(folder) as environment:
            with environment.begin(write=True) as transaction:
                transaction.put(b"key", b"value")
            with environment.begin() as transaction:
                assert transaction.get(b"key") == b"value"


@case("apsw", quick=True)
def apsw():
    import apsw

    connection = apsw.Connection(":memory:")
    connection.create_scalar_function("twice", lambda x: 2 * x, 1)
    connection.execute("create table t(x)")
    connection.executemany("insert into t values (?)", [(i,) for i in range(100)])
    assert connection.execute("select sum(twice(x)) from t").fetchall() == [(9900,)]
    connection.close()


@case("SQLAlchemy")
def sqlalchemy():
    import sqlalchemy as sa

    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("x", sa.Integer))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"x": 2}, {"x": 5}])
        assert connection.execute(sa.select(sa.func.sum(table.c.x))).scalar() == 7
    engine.dispose()


@case("psycopg", "psycopg-binary")
def psycopg():
    import psycopg

    assert psycopg.pq.__impl__ == "binary"
    assert psycopg.conninfo.conninfo_to_dict("host=somewhere port=1")["port"] in (1, "1")
    try:
        psycopg.connect("host=127.0.0.1 port=1 connect_timeout=2")
    except psycopg.OperationalError:
        return
    raise AssertionError("connected")


@case("psycopg2-binary")
def psycopg2():
    import psycopg2
    import psycopg2.extensions

    assert psycopg2.extensions.adapt("it's").getquoted() == b"'it''s'"
    try:
        psycopg2.connect("host=127.0.0.1 port=1 connect_timeout=2")
    except psycopg2.OperationalError:
        return
    raise AssertionError("connected")


@case("asyncpg")
def asyncpg():
    import asyncio

    import asyncpg

    try:
        asyncio.run(asyncpg.connect("postgres://nobody:x@127.0.0.1:1/none", timeout=10))
    except OSError:
        return
    raise AssertionError("connected")


@case("clickhouse-driver")
def clickhouse_driver():
    import clickhouse_driver
    from clickhouse_driver.errors import NetworkError

    try:
        clickhouse_driver.Client("127.0.0.1", port=1).execute("select 1")
    except NetworkError:
        return
    raise AssertionError("connected")


@case("pymongo")
def pymongo():
    import bson

    document = {"name": "x", "numbers": [1, 2.5, None], "id": bson.ObjectId()}
    assert bson.decode(bson.encode(document)) == document and bson.has_c()


@case("oracledb")
def oracledb():
    import oracledb

    assert oracledb.is_thin_mode()
    try:
        oracledb.connect(user="x", password="x", dsn="127.0.0.1:1/none")
    except oracledb.Error:
        return
    raise AssertionError("connected")


@case("pymssql")
def pymssql():
    import pymssql

    try:
        pymssql.connect("127.0.0.1", "x", "x", "x", port="1", login_timeout=2)
    except pymssql.Error:
        return
    raise AssertionError("connected")


@case("hiredis")
def hiredis():
    import hiredis

    reader = hiredis.Reader()
    reader.feed(b"*2\r\n$1\r\na\r\n:5\r\n")
    assert reader.gets() == [b"a", 5]


@case("confluent-kafka")
def confluent_kafka():
    import confluent_kafka

    producer = confluent_kafka.Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    producer.produce("topic", b"message")
    assert producer.flush(0.1) == 1
    producer.purge()
    producer.flush(5)
