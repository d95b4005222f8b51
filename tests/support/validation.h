// Layer 1 in the test's own process.
#pragma once

#include <string>
#include <vector>

#include "python/api.h"
#include "python/policy.h"
#include "vitrine/result.h"

namespace vitrine::test {

/// The built-in policy of that name.
const python::Policy& strategy();

/// What a run or a check would say of `source`.
std::vector<Finding> findings_of(const std::string& source,
                                 const python::Policy& policy = strategy());

/// The same by another interpreter than the tests' own.
std::vector<Finding> findings_by(const python::Api& api, const std::string& source,
                                 const python::Policy& policy);

/// One line a finding.
std::string described(const std::vector<Finding>& findings);

}  // namespace vitrine::test
