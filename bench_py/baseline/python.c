/* A python that is linked to libpython. Debian's own has another build of Python built in, which is faster than its
 * libpython: in a comparison of interpreters with processes, all contenders have to run the same build. */

int Py_BytesMain(int argc, char **argv);

int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
