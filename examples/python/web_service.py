"""A web service whose slow requests run in interpreters, and a client that measures how long the quick ones take.

    python web_service.py [seconds]     needs: pip install starlette uvicorn

While a few slow requests are always under way, the client makes one quick request after the other. With slow requests
in threads, each quick one waits for the GIL again and again; with interpreters, the event loop has the GIL for itself.
Processes do as well as interpreters, but each has the memory of a program of its own.
"""

import asyncio
import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

import ungil

WAYS = ("threads", "processes", "interpreters")


def count_primes(limit):
    """A slow answer, in pure Python."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


async def light(request):
    return JSONResponse({"answer": 42})


async def heavy(request):
    limit = int(request.query_params["limit"])
    if WAY == "threads":
        answer = await asyncio.to_thread(count_primes, limit)
    elif WAY == "processes":
        answer = await asyncio.get_running_loop().run_in_executor(PROCESSES, count_primes, limit)
    else:
        answer = await ungil.aio.run(count_primes, limit)
    return JSONResponse({"answer": answer})


# uvicorn imports this module for the application. The way is in the environment.
WAY = os.environ.get("WAY", "interpreters")
PROCESSES = ProcessPoolExecutor() if WAY == "processes" else None


@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    if PROCESSES is not None:
        PROCESSES.shutdown()  # uvicorn then ends by the signal that stopped it: no exit function runs


app = Starlette(routes=[Route("/light", light), Route("/heavy", heavy)], lifespan=lifespan)


def connected(port):
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port))


def get(connection, path):
    connection.request("GET", path)
    return connection.getresponse().read()


def start(way):
    """The server, in a process of its own, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = os.path.splitext(os.path.basename(__file__))[0]
    command = [sys.executable, "-m", "uvicorn", name + ":app", "--port", str(port), "--log-level", "warning"]
    folder = os.path.dirname(os.path.abspath(__file__))
    server = subprocess.Popen(command, cwd=folder, env=dict(os.environ, WAY=way))
    while server.poll() is None:
        try:
            with connected(port) as connection:
                get(connection, "/light")
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    if server.poll() is not None:
        raise RuntimeError("the server has ended with status %d" % server.returncode)
    return server, port


def measure(way, seconds, slow=4):
    """How many seconds each quick request took, and the set of answers of the slow ones."""
    server, port = start(way)
    ends, answers, times = threading.Event(), set(), []

    def keep_busy():
        with connected(port) as connection:
            while not ends.is_set():
                answers.add(get(connection, "/heavy?limit=20000"))

    try:
        threads = [threading.Thread(target=keep_busy) for _ in range(slow)]
        for thread in threads:
            thread.start()
        while not answers:  # what the workers need is imported, and they are busy
            time.sleep(0.01)
        end = time.perf_counter() + seconds
        with connected(port) as connection:
            while time.perf_counter() < end:
                begin = time.perf_counter()
                get(connection, "/light")
                times.append(time.perf_counter() - begin)
                time.sleep(0.005)
        ends.set()
        for thread in threads:
            thread.join()
    finally:
        ends.set()
        server.terminate()
        server.wait()
    return times, answers


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("slow requests in   quick requests: median, 99th percentile (ms)")
    for way in WAYS:
        times, answers = measure(way, seconds)
        assert answers == {b'{"answer":2262}'}, answers
        last = statistics.quantiles(times, n=100)[-1]
        print("%-16s   %.1f   %.1f" % (way, 1000 * statistics.median(times), 1000 * last), flush=True)


if __name__ == "__main__":
    main()
