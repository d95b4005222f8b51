#include "rootfs/python_process.h"

#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "rootfs/child_program.h"

namespace vitrine::rootfs {

namespace {

constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

}  // namespace

std::string run_python(const std::string& executable, std::string_view script,
                       const std::vector<std::string>& arguments) {
    if (::access(executable.c_str(), X_OK) != 0) {
        throw UsageError(concat("cannot run '", executable, "': ", errno_text(errno)),
                         "name a Python interpreter with --python, or install one: apt-get install "
                         "python3");
    }
    std::vector<std::string> words{executable, "-I", "-S", "-c", std::string(script)};
    words.insert(words.end(), arguments.begin(), arguments.end());
    Pipe output = make_pipe();
    const kernel::Cloned child = start_program(std::move(words), output.write_end.get());
    output.write_end.reset();
    std::string answer = read_all(output.read_end.get(), kMaxAnswer);
    await_success(child, executable);
    return answer;
}

}  // namespace vitrine::rootfs
