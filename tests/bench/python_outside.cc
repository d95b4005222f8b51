// `python3` by way of libpython, as Vitrine runs it, and with no sandbox: Debian's own python3 has
// the interpreter linked in, without the indirections of a shared library.
#include <Python.h>

int main(int argc, char** argv) {
    return Py_BytesMain(argc, argv);
}
