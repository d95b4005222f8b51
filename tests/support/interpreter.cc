#include "support/interpreter.h"

#include "rootfs/description.h"

namespace vitrine::test {

python::Interpreter start_interpreter(const std::string& root) {
    const rootfs::PythonDescription description = rootfs::read_description(root);
    python::InterpreterSpec spec{.libpython = root + description.libpython,
                                 .libraries = {},
                                 .prefix = root + description.prefix,
                                 .stdlib = root + description.search_path.front(),
                                 .search_path = {}};
    for (const std::string& path : description.search_path)
        spec.search_path.push_back(root + path);
    return python::Interpreter::start(spec);
}

const python::Interpreter& shared_interpreter() {
    static const python::Interpreter interpreter = start_interpreter(VITRINE_ROOTFS);
    return interpreter;
}

}  // namespace vitrine::test
