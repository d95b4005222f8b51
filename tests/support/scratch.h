// A directory of a test's own.
#pragma once

#include <string>

namespace vitrine::test {

/// Made in the system's temporary directory, readable by everybody, removed with the object.
class Scratch {
  public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    const std::string& path() const noexcept { return path_; }
    /// Writes a file and returns its path.
    std::string write(const std::string& name, const std::string& content) const;

  private:
    std::string path_;
};

}  // namespace vitrine::test
