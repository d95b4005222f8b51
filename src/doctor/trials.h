// The trials of the self-test, a function a layer.
#pragma once

#include <vector>

#include "doctor/selftest.h"

namespace vitrine::doctor {

using LayerTrials = std::vector<Trial> (*)(const TestedHost&);

std::vector<Trial> try_validator(const TestedHost& host);
std::vector<Trial> try_network(const TestedHost& host);
std::vector<Trial> try_filesystem(const TestedHost& host);
std::vector<Trial> try_seccomp(const TestedHost& host);
std::vector<Trial> try_limits(const TestedHost& host);
std::vector<Trial> try_identity(const TestedHost& host);
std::vector<Trial> try_landlock(const TestedHost& host);
std::vector<Trial> try_no_new_privileges(const TestedHost& host);
std::vector<Trial> try_exec_doors(const TestedHost& host);

}  // namespace vitrine::doctor
