"""Sockets, pipes, listeners, descriptors and files as arguments and results of tasks."""

import gc
import io
import multiprocessing
import multiprocessing.connection
import os
import socket
import ssl
import tempfile
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS


def send(channel, text):
    channel.send(text)
    return channel


def answer(sock):
    sock.sendall(sock.recv(5).upper())
    return sock.gettimeout(), sock.family.name, sock.type.name


def accept(listener):
    connection, _ = listener.accept()
    return connection


def accept_and_send(listener, text):
    with listener.accept() as connection:
        connection.send(text)


def make_pair():
    import socket

    one, other = socket.socketpair()
    one.sendall(b"made")
    return other


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Channels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = ungil.InterpreterPoolExecutor(1)
        cls.addClassCleanup(cls.pool.shutdown)

    def call(self, function, *args):
        return self.pool.submit(function, *args).result(60)

    def test_a_socket_as_an_argument_and_a_result(self):
        one, other = socket.socketpair()
        with one, other:
            returned = self.call(send, other, b"abc")
            self.assertEqual(one.recv(3), b"abc")
            self.assertNotEqual(returned.fileno(), other.fileno())
            other.close()
            with returned:
                returned.sendall(b"still open")
            self.assertEqual(one.recv(10), b"still open")
            self.assertEqual(one.recv(1), b"")  # no duplicate is left open

    def test_a_socket_keeps_its_kind_and_timeout(self):
        one, other = socket.socketpair()
        with one, other:
            for timeout in 60.5, None:
                other.settimeout(timeout)
                one.sendall(b"hello")
                self.assertEqual(self.call(answer, other), (timeout, "AF_UNIX", "SOCK_STREAM"))
                self.assertEqual(one.recv(5), b"HELLO")

    def test_a_listening_socket(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            future = self.pool.submit(accept, listener)
            with socket.create_connection(listener.getsockname()) as client, future.result(60) as server:
                server.sendall(b"welcome")
                self.assertEqual(client.recv(7), b"welcome")

    def test_a_socket_that_a_task_has_made(self):
        with self.call(make_pair) as made:
            self.assertEqual(made.recv(4), b"made")

    def test_connections_of_multiprocessing(self):
        for duplex in True, False:
            one, other = multiprocessing.Pipe(duplex)
            with one, other:
                with self.call(send, other, {"a": 1}) as returned:
                    self.assertEqual(one.recv(), {"a": 1})
                    self.assertEqual((returned.readable, returned.writable), (other.readable, other.writable))
                other.close()
                self.assertRaises(EOFError, one.recv)

    def test_a_listener_of_multiprocessing(self):
        with multiprocessing.connection.Listener(("127.0.0.1", 0)) as listener:
            future = self.pool.submit(accept_and_send, listener, "hello")
            with multiprocessing.connection.Client(listener.address) as client:
                self.assertEqual(client.recv(), "hello")
            future.result(60)

    def test_numbers_of_descriptors(self):
        reader, writer = os.pipe()
        self.call(os.write, writer, b"abc")
        self.assertEqual(os.read(reader, 3), b"abc")
        self.call(os.close, writer)
        self.assertEqual(os.read(reader, 3), b"")
        os.close(reader)

    def test_no_descriptor_is_left_open(self):
        def rounds(number):
            for _ in range(number):
                one, other = socket.socketpair()
                self.call(send, other, b"abc").close()
                ends = multiprocessing.Pipe()
                self.call(send, ends[1], b"abc").close()
                with open(os.devnull) as file:
                    self.assertRaises(TypeError, self.call, send, [other, file], b"")  # it is not sent
                for end in one, other, *ends:
                    end.close()
            gc.collect()
            self.call(gc.collect)

        rounds(3)
        before = descriptors()
        rounds(20)
        self.assertLess(descriptors() - before, 20)

    def test_initializers_of_several_workers(self):
        reader, writer = multiprocessing.Pipe(False)
        with reader, writer, ungil.InterpreterPoolExecutor(3, initializer=keep, initargs=(writer,)) as pool:
            self.assertEqual(sorted(pool.map(send_kept, range(30))), list(range(30)))
            self.assertEqual(sorted(reader.recv() for _ in range(30)), list(range(30)))


def keep(channel):
    import builtins

    builtins.kept = channel


def send_kept(number):
    import builtins

    builtins.kept.send(number)  # shorter than PIPE_BUF: it is one write
    return number


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Refused(unittest.TestCase):
    def error_of(self, value):
        with ungil.InterpreterPoolExecutor(1) as pool:
            error = pool.submit(id, value).exception(60)
        self.assertIsInstance(error, TypeError)
        return str(error)

    def test_open_files(self):
        with tempfile.NamedTemporaryFile(prefix="a-name-of-its-own") as named, open(named.name, "r+") as text:
            self.assertIn("a-name-of-its-own", self.error_of(text))
            self.assertIn("open it in the task", self.error_of([text]))
            for mode in "rb", "wb", "r+b":
                for buffering in 0, -1:
                    with open(text.name, mode, buffering) as file:
                        self.assertIn("a-name-of-its-own", self.error_of(file))

    def test_files_in_memory_are_copied(self):
        with ungil.InterpreterPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(io.BytesIO.read, io.BytesIO(b"abc")).result(60), b"abc")

    def test_a_result_that_is_a_file(self):
        with ungil.InterpreterPoolExecutor(1) as pool, self.assertRaisesRegex(TypeError, os.devnull):
            pool.submit(open, os.devnull).result(60)

    def test_encrypted_sockets(self):
        context = ssl.create_default_context()
        one, other = socket.socketpair()
        with other, context.wrap_socket(one, do_handshake_on_connect=False, server_hostname="a") as encrypted:
            self.assertIn("SSLSocket", self.error_of(encrypted))
        self.assertIn("SSLContext", self.error_of(context))


if __name__ == "__main__":
    unittest.main()
