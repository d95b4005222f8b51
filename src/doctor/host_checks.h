// The host, step by step: can a sandbox be made here?
#pragma once

#include <vector>

#include "doctor/check.h"
#include "runtime/host_facts.h"

namespace vitrine::doctor {

/// Every step of a launch that needs no rootfs, each tried by itself. What builds on a step that
/// failed is not tried.
std::vector<Check> check_host(const runtime::HostFacts& facts);

}  // namespace vitrine::doctor
