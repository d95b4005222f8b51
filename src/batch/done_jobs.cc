#include "batch/done_jobs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "batch/line_reader.h"

namespace vitrine::batch {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxResult = std::size_t{256} << 20;

/// The id of one result; everything else of it is dropped while it is read.
std::optional<std::string> id_of(const std::string& line) {
    bool is_id = false;
    const auto only_id = [&is_id](int depth, Json::parse_event_t event, Json& value) {
        if (depth == 0) return true;
        if (depth == 1 && event == Json::parse_event_t::key) {
            is_id = value == "id";
            return is_id;
        }
        return is_id;
    };
    const Json result = Json::parse(line, only_id, false);
    if (!result.is_object() || !result.contains("id")) return std::nullopt;
    const Json& id = result["id"];
    return id.is_string() ? std::optional(id.get<std::string>()) : std::nullopt;
}

UniqueFd open_results(const std::string& path) {
    UniqueFd file = open_file(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    struct stat info{};
    check(::fstat(file.get(), &info), "looking at it", "fstat");
    if (!S_ISREG(info.st_mode)) throw UsageError(concat("'", path, "' is no file of results"));
    return file;
}

}  // namespace

DoneJobs DoneJobs::read(const std::string& path) {
    const UniqueFd file = open_results(path);
    LineReader reader(file.get(), kMaxResult);
    DoneJobs done;
    std::string line;
    for (;;) {
        const auto outcome = reader.next(line);
        if (outcome == LineReader::Outcome::kEnd) break;
        if (outcome == LineReader::Outcome::kNotYet) continue;
        if (!reader.ended_with_newline()) break;
        const auto id = outcome == LineReader::Outcome::kLine ? id_of(line) : std::nullopt;
        if (id) {
            done.add(*id);
        } else {
            ++done.strange_lines_;
        }
    }
    done.sort();
    return done;
}

void DoneJobs::add(std::string_view id) {
    digests_.push_back(digest_of(id));
}

void DoneJobs::sort() {
    std::ranges::sort(digests_);
    taken_.assign(digests_.size(), 0);
}

bool DoneJobs::take(std::string_view id) {
    const auto same = std::ranges::equal_range(digests_, digest_of(id));
    if (same.empty()) return false;
    std::uint32_t& taken = taken_[static_cast<std::size_t>(same.begin() - digests_.begin())];
    if (taken >= same.size()) return false;
    ++taken;
    return true;
}

DoneJobs::Digest DoneJobs::digest_of(std::string_view id) {
    const std::string hex = sha256_hex(id);
    Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i)
        std::from_chars(hex.data() + 16 * i, hex.data() + 16 * (i + 1), digest[i], 16);
    return digest;
}

}  // namespace vitrine::batch
