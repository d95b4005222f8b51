// A file a user names for output: a new one, an old one, a pipe, a device.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/fd.h"

namespace vitrine {

/// Known to be writable as soon as it exists, so that nobody works for an output that has no
/// place. A regular file, or a link to one, is replaced atomically: a reader sees the old content
/// or the new. What is something else (a pipe, a device, `/dev/fd/N`) is opened and written to.
class OutputFile {
  public:
    /// Throws an Error that names the path. Opening a FIFO waits for its reader.
    explicit OutputFile(const std::string& path);

    /// Once. Throws an Error that names the path.
    void write(std::string_view content);

  private:
    void choose_way();

    std::string path_;
    std::string replaced_;  ///< Where the file itself is, past every link; empty: see `stream_`.
    mode_t mode_ = 0;       ///< Of a file that was there; 0 for none.
    UniqueFd stream_;
};

}  // namespace vitrine
