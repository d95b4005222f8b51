// Batches and their results.
#pragma once

#include <sys/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/vitrine_program.h"

namespace vitrine::test {

/// One JSON object a line.
std::string lines_of(const std::vector<nlohmann::json>& objects);

/// `vitrine batch FLAGS... -` with `input` on its stdin.
Answer batch(const std::string& input, std::vector<std::string> flags);

/// The objects in lines of results. Throws where a line is none.
std::vector<nlohmann::json> results_in(const std::string& lines);
std::vector<std::string> ids_in(const std::string& lines);
std::map<std::string, nlohmann::json> results_by_id(const std::string& lines);

/// Starts vitrine with nothing on stdin; stdout and stderr go to `err_path`.
pid_t start_vitrine(std::vector<std::string> words, const std::string& err_path);

/// How a started vitrine ended.
struct Ended {
    int exit_code = -1;  ///< 128+N when it was killed by signal N.
    long peak_kib = 0;   ///< Its own largest resident set, its children's not counted.
};
Ended await(pid_t pid);

/// Until the file has so many lines; false when it has not after a while.
bool await_lines(const std::string& path, std::size_t count);

}  // namespace vitrine::test
