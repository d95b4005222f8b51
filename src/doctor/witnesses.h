// What of this host the attacks aim at: each is proven to be there, or an attack on it proves
// nothing.
#pragma once

#include <functional>
#include <string>

#include "base/fd.h"
#include "doctor/selftest.h"

namespace vitrine::doctor {

/// Listens on the host's loopback and on an abstract socket until destroyed.
class HostListener {
  public:
    /// Throws SystemError.
    HostListener();

    std::string port() const;
    const std::string& abstract_name() const noexcept { return abstract_name_; }
    /// Nobody but this object's own test connections has come so far, which do reach it.
    bool is_unvisited_and_alive() const;

  private:
    UniqueFd inet_;
    std::string abstract_name_;
    UniqueFd abstract_;
};

/// A file of the host that holds a word nobody can guess; removed with the object.
class HostSecret {
  public:
    /// Throws SystemError.
    HostSecret();
    ~HostSecret();
    HostSecret(const HostSecret&) = delete;
    HostSecret& operator=(const HostSecret&) = delete;

    const std::string& directory() const noexcept { return directory_; }
    std::string path() const { return directory_ + "/secret"; }
    const std::string& word() const noexcept { return word_; }

  private:
    std::string directory_;
    std::string word_;
};

/// The smallest program of this machine's architecture: it exits with 42.
std::string tiny_program();

/// Runs `action` in a process that is thrown away; true when it returned true.
bool succeeds_in_child(const std::function<bool()>& action);

/// Whether the tiny program runs out of a memfd outside every sandbox.
bool runs_outside();

}  // namespace vitrine::doctor
