// What a job has when nobody says otherwise: one place for the command line and the library.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vitrine/job.h"

namespace vitrine::runtime {

/// The environment every Python job starts with: a home and caches where it may write, UTF-8, and
/// as many BLAS and OpenMP threads as its limits can carry.
std::vector<std::pair<std::string, std::string>> default_environment(const Limits& limits);

/// Fills in what `job` leaves open: a random id, the rootfs, and in front of the variables it has
/// the default environment. Called once, when its limits are known.
void complete_job(Job& job, const std::string& default_rootfs);

}  // namespace vitrine::runtime
