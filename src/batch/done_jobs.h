// Which jobs an earlier batch has answered already: `--resume`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine::batch {

/// A bag of ids: one that has two results is taken twice. 20 bytes an id, whatever its length.
class DoneJobs {
  public:
    /// Reads the results in `path`. A last line without an end was never finished and does not
    /// count; nor do lines that are no results. Throws an Error that names the path.
    static DoneJobs read(const std::string& path);

    void add(std::string_view id);
    /// After the last add().
    void sort();

    /// True, and one fewer, when `id` has a result.
    bool take(std::string_view id);

    std::size_t size() const { return digests_.size(); }
    std::uint64_t strange_lines() const { return strange_lines_; }

  private:
    using Digest = std::array<std::uint64_t, 2>;
    static Digest digest_of(std::string_view id);

    std::vector<Digest> digests_;
    std::vector<std::uint32_t> taken_;  ///< At the place of an id's first digest.
    std::uint64_t strange_lines_ = 0;
};

}  // namespace vitrine::batch
