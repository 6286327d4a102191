"""Connections, protocols, and loops of events."""

from . import case


@case("grpcio", quick=True)
def grpc():
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    reverse = grpc.unary_unary_rpc_method_handler(lambda request, context: request[::-1])
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("text", {"reverse": reverse})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
        assert channel.unary_unary("/text/reverse")(b"abc", timeout=60) == b"cba"
    server.stop(None).wait()


@case("protobuf")
def protobuf():
    from google.protobuf import struct_pb2

    message = struct_pb2.Struct()
    message["numbers"] = [1, 2]
    assert struct_pb2.Struct.FromString(message.SerializeToString())["numbers"][1] == 2


@case("pyzmq", quick=True)
def zmq():
    import zmq

    with zmq.Context() as context, context.socket(zmq.REP) as server, context.socket(zmq.REQ) as client:
        client.connect("tcp://127.0.0.1:%d" % server.bind_to_random_port("tcp://127.0.0.1"))
        client.send(b"question")
        assert server.recv() == b"question"
        server.send(b"answer")
        assert client.recv() == b"answer"


@case("pynng")
def pynng():
    import pynng

    with pynng.Pair0(listen="tcp://127.0.0.1:0", recv_timeout=60_000) as server, pynng.Pair0() as client:
        client.dial("tcp://%s" % server.listeners[0].local_address)
        client.send(b"message")
        assert server.recv() == b"message"


@case("uvloop", quick=True)
def uvloop():
    import asyncio

    import uvloop

    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    async def main():
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"line\n")
            answer = await reader.read()
            writer.close()
            return answer

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(main()) == b"line\n"
    finally:
        loop.close()


@case("uvloop")
def uvloop_child_process():
    import asyncio

    import uvloop

    async def main():
        child = await asyncio.create_subprocess_exec("echo", "text", stdout=asyncio.subprocess.PIPE)
        return (await child.communicate())[0]

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(main()) == b"text\n"
    finally:
        loop.close()


@case("gevent", quick=True)
def gevent():
    import gevent
    import gevent.queue

    results = gevent.queue.Queue()
    gevent.joinall([gevent.spawn(lambda n=n: (gevent.sleep(0.001), results.put(n))) for n in range(10)])
    assert sorted(results.get() for _ in range(10)) == list(range(10))


@case("greenlet")
def greenlet():
    import greenlet

    def body(value):
        while True:
            value = greenlet.getcurrent().parent.switch(value + 1)

    other = greenlet.greenlet(body)
    assert [other.switch(n) for n in (1, 5)] == [2, 6]


@case("aiohttp")
def aiohttp():
    import asyncio

    import aiohttp
    from aiohttp import web

    async def hello(request):
        return web.json_response({"path": request.path})

    async def main():
        application = web.Application()
        application.router.add_get("/{name}", hello)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = "http://127.0.0.1:%d/x" % runner.addresses[0][1]
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            result = await answer.json()
        await runner.cleanup()
        return result

    assert asyncio.run(main()) == {"path": "/x"}


@case("requests")
def requests():
    import http.server
    import threading

    import requests

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(body.upper())

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        answer = requests.post("http://127.0.0.1:%d/" % server.server_port, data="text")
        server.shutdown()
        thread.join()
    assert (answer.status_code, answer.text) == (201, "TEXT")


@case("pycurl")
def pycurl():
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, "http://127.0.0.1:1/")
    try:
        curl.perform()
    except pycurl.error as error:
        assert error.args[0] == pycurl.E_COULDNT_CONNECT
    finally:
        curl.close()


@case("httptools")
def httptools():
    import httptools

    class Protocol:
        def on_url(self, url):
            self.url = url

    protocol = Protocol()
    httptools.HttpRequestParser(protocol).feed_data(b"GET /path HTTP/1.1\r\nHost: x\r\n\r\n")
    assert httptools.parse_url(protocol.url).path == b"/path"


@case("websockets")
def websockets():
    import asyncio

    import websockets

    async def echo(socket, *path):
        async for message in socket:
            await socket.send(message[::-1])

    async def main():
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with websockets.connect("ws://127.0.0.1:%d" % port) as socket:
                await socket.send("abc")
                return await socket.recv()

    assert asyncio.run(main()) == "cba"


@case("yarl")
def yarl():
    import yarl

    assert (yarl.URL("http://host/a b") / "ç").raw_path == "/a%20b/%C3%A7"


@case("multidict")
def multidict():
    import multidict

    headers = multidict.CIMultiDict([("Key", "1"), ("key", "2")])
    assert headers.getall("KEY") == ["1", "2"]


@case("frozenlist")
def frozenlist():
    import frozenlist

    values = frozenlist.FrozenList([1, 2])
    values.freeze()
    try:
        values.append(3)
    except RuntimeError:
        return
    raise AssertionError("not frozen")


@case("propcache")
def propcache():
    import propcache.api

    class Circle:
        calls = 0

        @propcache.api.cached_property
        def area(self):
            self.calls += 1
            return 3.14

    circle = Circle()
    assert circle.area + circle.area == 6.28 and circle.calls == 1
