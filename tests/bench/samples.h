// What the benchmarks share: time, programs to run and wait for, quantiles.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <string>
#include <vector>

namespace vitrine::bench {

using Clock = std::chrono::steady_clock;

/// The value below which `share` of the samples lie; 0 of none.
double quantile(std::vector<double> samples, double share);

double microseconds_since(Clock::time_point start);
double microseconds(const timeval& time);

/// CPU time of this process and of every child that was waited for.
double cpu_us();

/// Runs `command` to its end with nothing on stdin and with its output dropped, or its stdout at
/// `stdout_fd`. Throws Error when it does not end with 0: a failed run must not count as a fast
/// one.
void run_to_end(const std::vector<std::string>& command, int stdout_fd = -1);

/// The same, and what it prints.
std::string output_of(const std::vector<std::string>& command);

}  // namespace vitrine::bench
