"""Objects of multiprocessing as arguments, globals and results of tasks: locks, queues, values, shared memory."""

import contextlib
import gc
import multiprocessing
import multiprocessing.managers
import os
import threading
import unittest
from multiprocessing import shared_memory

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script

METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]


@contextlib.contextmanager
def pools():
    """(context, pool) for each start method: the semaphores of "fork" have no names."""
    with ungil.InterpreterPoolExecutor(2) as pool:
        yield [(multiprocessing.get_context(method), pool) for method in METHODS]


def add(value, lock, times):
    for _ in range(times):
        with lock:
            value.value += 1


def try_lock(lock):
    return lock.acquire(timeout=0.01)


def nested(lock):
    with lock, lock:
        return True


def wait_and_set(first, second):
    return first.wait(60), second.set()


def notify(condition, value):
    with condition:
        value.value = 1
        condition.notify_all()


def meet(barrier):
    return barrier.wait(60)


def move(source, target):
    target.put(source.get(timeout=60) + 1)


def put(queue, item):
    queue.put(item)


def finish(queue):
    queue.get(timeout=60)
    queue.task_done()


def fill(array, raw):
    array[1] = 5
    raw[2] = 7
    return array


def make():
    import multiprocessing

    value, lock, queue = multiprocessing.Value("i", 7), multiprocessing.Lock(), multiprocessing.Queue()
    queue.put("made")
    return value, lock, queue


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Objects(unittest.TestCase):
    def test_locks_exclude(self):
        with pools() as cases:
            for context, pool in cases:
                for lock in context.Lock(), context.RLock(), context.Semaphore(1), context.BoundedSemaphore(1):
                    value = context.Value("q", 0, lock=False)
                    futures = [pool.submit(add, value, lock, 500) for _ in range(2)]
                    add(value, lock, 500)
                    for future in futures:
                        future.result(60)
                    self.assertEqual(value.value, 1500)
                    with lock:
                        self.assertIs(pool.submit(try_lock, lock).result(60), False)

    def test_recursive_locks(self):
        with pools() as cases:
            for context, pool in cases:
                lock = context.RLock()
                for _ in range(3):
                    self.assertIs(pool.submit(nested, lock).result(60), True)
                self.assertIs(lock.acquire(timeout=0), True)
                self.assertIs(pool.submit(try_lock, lock).result(60), False)
                lock.release()

    def test_a_lock_that_comes_back(self):
        with pools() as cases:
            for context, pool in cases:
                lock = context.Lock()
                same = pool.submit(lambda it: it, lock).result(60)
                with same:
                    self.assertIs(lock.acquire(timeout=0.01), False)
                del same
                gc.collect()
                with lock:
                    self.assertIs(pool.submit(try_lock, lock).result(60), False)

    def test_events_conditions_and_barriers(self):
        with pools() as cases:
            for context, pool in cases:
                first, second = context.Event(), context.Event()
                future = pool.submit(wait_and_set, first, second)
                first.set()
                self.assertIs(second.wait(60), True)
                self.assertEqual(future.result(60), (True, None))
                condition, value, barrier = context.Condition(), context.Value("i"), context.Barrier(3)
                with condition:
                    pool.submit(notify, condition, value)
                    self.assertIs(condition.wait_for(lambda value=value: value.value == 1, 60), True)
                futures = [pool.submit(meet, barrier) for _ in range(2)]
                self.assertEqual({barrier.wait(60), *(future.result(60) for future in futures)}, {0, 1, 2})

    def test_queues(self):
        with pools() as cases:
            for context, pool in cases:
                source, target, simple = context.Queue(), context.Queue(), context.SimpleQueue()
                joinable = context.JoinableQueue()
                for number in range(10):
                    source.put(number)
                    joinable.put(number)
                for _ in range(10):
                    pool.submit(move, source, target)
                    pool.submit(put, simple, "item")
                    pool.submit(finish, joinable)
                self.assertEqual(sorted(target.get(timeout=60) for _ in range(10)), list(range(1, 11)))
                self.assertEqual([simple.get() for _ in range(10)], ["item"] * 10)
                joinable.join()

    def test_what_a_task_puts_arrives_before_its_pool_ends(self):
        """multiprocessing's queues send in a thread, which ends with the interpreter; the next user finds none."""
        queue, received = multiprocessing.Queue(), []
        for _ in range(2):
            reader = threading.Thread(target=lambda: received.append(len(queue.get(timeout=60))))
            with ungil.InterpreterPoolExecutor(1) as pool:
                reader.start()
                pool.submit(put, queue, bytes(1 << 20)).result(60)
            reader.join()
        self.assertEqual(received, [1 << 20] * 2)
        with ungil.Interpreter() as interpreter:
            self.assertEqual(interpreter.eval("__import__('_thread')._count()"), 0)

    def test_values_and_arrays(self):
        with pools() as cases:
            for context, pool in cases:
                array, raw = context.Array("d", 3), context.RawArray("i", 3)
                returned = pool.submit(fill, array, raw).result(60)
                self.assertEqual((array[:], raw[:]), ([0, 5, 0], [0, 0, 7]))
                returned[0] = 9
                self.assertEqual(array[:], [9, 5, 0])

    def test_what_a_task_has_made(self):
        with ungil.InterpreterPoolExecutor(1) as pool:
            made = [pool.submit(make).result(60) for _ in range(3)]
            for number, (value, lock, queue) in enumerate(made):
                self.assertEqual(queue.get(timeout=60), "made")
                with lock:
                    self.assertIs(pool.submit(try_lock, lock).result(60), False)
                    value.value = number
            self.assertEqual([value.value for value, _, _ in made], [0, 1, 2])

    def test_globals_and_initializers(self):
        self.assertEqual(
            run_script("""
import multiprocessing, ungil

lock, total = multiprocessing.Lock(), multiprocessing.Value("i")

def keep(event):
    global kept
    kept = event

def task(number):
    with lock:
        total.value += number
    return kept.is_set()

event = multiprocessing.Event()
event.set()
with ungil.InterpreterPoolExecutor(2, initializer=keep, initargs=(event,)) as pool:
    print(list(pool.map(task, range(4))), total.value)
"""),
            (0, "[True, True, True, True] 6\n", ""),
        )

    def test_a_lock_outlives_its_name(self):
        """What a task keeps of a lock whose owner is gone is still a lock."""
        with ungil.Interpreter() as interpreter:
            interpreter.exec("def keep(it):\n    global acquire\n    acquire = it.acquire")
            for method in METHODS:
                interpreter.call(remember, multiprocessing.get_context(method).Lock())
                gc.collect()
                self.assertEqual([interpreter.call(acquire_remembered) for _ in range(2)], [True, False])


def remember(lock):
    import builtins

    builtins.acquire = lock.acquire


def acquire_remembered():
    import builtins

    return builtins.acquire(timeout=0.01)


def increment(name):
    from multiprocessing import shared_memory

    memory = shared_memory.SharedMemory(name)
    memory.buf[0] += 1
    memory.close()


def create():
    from multiprocessing import shared_memory

    memory = shared_memory.SharedMemory(create=True, size=10)
    name = memory.name
    memory.close()
    return name


def authentication_key():
    import multiprocessing

    return bytes(multiprocessing.current_process().authkey)


SHARED_MEMORY = """
import os, ungil
from multiprocessing import managers, resource_tracker, shared_memory

def use(memory):
    memory.buf[0] += 1
    memory.close()

def create(_):
    memory = shared_memory.SharedMemory(create=True, size=10)
    memory.close()
    return memory.name

def append(numbers):
    numbers[0] += 1

if __name__ == "__main__":
    with ungil.InterpreterPoolExecutor(2) as pool:
        made = [shared_memory.SharedMemory(name) for name in pool.map(create, range(4))]
        list(pool.map(use, made * 2))
        print([memory.buf[0] for memory in made])
        for memory in made:
            memory.close()
            memory.unlink()
        numbers = shared_memory.ShareableList([1, "a"])
        pool.submit(append, numbers).result()
        print(numbers[0], numbers[1])
        numbers.shm.close()
        numbers.shm.unlink()
        with managers.SharedMemoryManager() as manager:
            memory = manager.SharedMemory(10)
            pool.submit(use, memory).result()
            print(memory.buf[0])
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Inherited(unittest.TestCase):
    """What a process takes over from the one that starts it."""

    def test_shared_memory_stays_and_nobody_complains(self):
        self.assertEqual(run_script(SHARED_MEMORY), (0, "[2, 2, 2, 2]\n2 a\n1\n", ""))

    def test_shared_memory_that_only_tasks_create(self):
        with ungil.InterpreterPoolExecutor(2) as pool:
            name = pool.submit(create).result(60)
            list(pool.map(increment, [name] * 10))
        memory = shared_memory.SharedMemory(name)
        self.assertEqual(memory.buf[0], 10)
        memory.close()
        memory.unlink()

    def test_shared_memory_that_nobody_removes_is_removed_at_the_end(self):
        status, output, errors = run_script("""
import ungil
from multiprocessing import shared_memory

def create():
    memory = shared_memory.SharedMemory(create=True, size=10)
    memory.close()
    return memory.name

print(ungil.run(create))
""")
        self.assertEqual(status, 0)
        self.assertIn("1 leaked shared_memory object", errors)
        self.assertFalse(os.path.exists("/dev/shm/" + output.strip()))

    def test_the_authentication_key(self):
        process = multiprocessing.current_process()
        before = process.authkey
        try:
            with ungil.Interpreter() as interpreter:
                self.assertEqual(interpreter.call(authentication_key), bytes(before))
            process.authkey = b"another"  # for interpreters that start from now on
            with ungil.Interpreter() as interpreter:
                self.assertEqual(interpreter.call(authentication_key), b"another")
        finally:
            process.authkey = before

    def test_a_manager_by_its_address(self):
        with Manager() as manager, ungil.InterpreterPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(connect, manager.address).result(60), "[1, 2]")


class Manager(multiprocessing.managers.BaseManager):
    pass


def numbers():
    return [1, 2]


Manager.register("numbers", callable=numbers)


def connect(address):
    from multiprocessing.managers import BaseManager

    class Client(BaseManager):
        pass

    Client.register("numbers")
    client = Client(address)
    client.connect()
    return str(client.numbers())


if __name__ == "__main__":
    unittest.main()
