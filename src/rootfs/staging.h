// A directory that becomes another one at once, or never was.
#pragma once

#include <string>

namespace vitrine::rootfs {

/// A new directory beside `target`. Unless committed it goes away with the object; what an earlier,
/// killed process left of its own is removed first.
class Staging {
  public:
    /// Throws UsageError when `target` exists and is neither empty nor a rootfs of ours.
    explicit Staging(const std::string& target);
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    const std::string& path() const noexcept { return path_; }

    /// Puts the directory in the target's place, atomically, and removes what was there.
    void commit();

  private:
    std::string target_;
    std::string path_;
};

/// A directory beside `target` for what is needed meanwhile; goes away like an uncommitted Staging.
class Workspace {
  public:
    /// Throws UsageError as Staging does.
    explicit Workspace(const std::string& target);
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

/// Removes what builders of `target` left that were killed and are gone.
void remove_unfinished(const std::string& target);

}  // namespace vitrine::rootfs
