// Findings for people and for machines.
#pragma once

#include <string>
#include <vector>

#include "vitrine/job.h"
#include "vitrine/result.h"

namespace vitrine::cli {

struct CheckedFile {
    Source source;  ///< Without bytes when it could not be read.
    std::vector<Finding> findings;
};

/// `FILE:LINE:COLUMN: error: ID rule: message`, the source line with a caret, and the advice.
std::string render_text(const std::vector<CheckedFile>& files);
/// One object: `vitrine.check.v1`.
std::string render_json(const std::vector<CheckedFile>& files, const std::string& policy);
/// SARIF 2.1.0, with every rule described.
std::string render_sarif(const std::vector<CheckedFile>& files);

}  // namespace vitrine::cli
