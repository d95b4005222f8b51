#include "validator/scientific.h"

#include <cstdlib>

#include "base/error.h"
#include "python/policy_file.h"
#include "support/interpreter.h"
#include "support/scratch.h"
#include "support/vitrine_program.h"

namespace vitrine::test {

namespace {

class ScientificRoot {
  public:
    ScientificRoot() : path_(scratch_.path() + "/root") {
        const Answer built =
            run_vitrine({.arguments = {"rootfs", "build", "-o", path_, "--with", "numpy,pandas"},
                         .patience = std::chrono::seconds(300)});
        if (built.exit_code != 0) throw Error(concat("building a rootfs: ", built.err));
    }

    const std::string& path() const { return path_; }

  private:
    Scratch scratch_;
    std::string path_;
};

python::Interpreter start_scientific() {
    // OpenBLAS starts threads when it is loaded, and only a process of one thread may be forked.
    ::setenv("OPENBLAS_NUM_THREADS", "1", 1);  // NOLINT(concurrency-mt-unsafe): one thread.
    python::Interpreter interpreter = start_interpreter(scientific_rootfs());
    const python::Api& api = interpreter.api();
    for (const char* module : {"numpy", "pandas"}) {
        const python::Ref imported(api, api.PyImport_ImportModule(module));
        if (!imported) throw Error(concat("importing ", module, ": ", python::take_error(api)));
    }
    return interpreter;
}

}  // namespace

const std::string& scientific_rootfs() {
    static const ScientificRoot root;
    return root.path();
}

const python::Interpreter& scientific_interpreter() {
    static const python::Interpreter interpreter = start_scientific();
    return interpreter;
}

const python::Policy& default_policy() {
    static const python::Policy policy =
        python::load_policy("strategy", VITRINE_SOURCE_ROOT "/profiles/policy");
    return policy;
}

}  // namespace vitrine::test
