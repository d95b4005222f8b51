// Work that leaves nothing behind when a signal ends it.
#pragma once

#include <functional>
#include <optional>

namespace vitrine::runtime {

/// Forks. The child gets nothing, and goes on to do the work; it dies with its parent. The parent
/// waits for it, hands SIGINT, SIGTERM, SIGHUP and SIGQUIT on to it, sees to it that no process the
/// child started is left, and returns an exit code: the child's, or 128 and a signal's number. If
/// the child did not end by itself, `clean_up` is called before that. The caller must be
/// single-threaded and have no children.
std::optional<int> leave_to_child(const std::function<void()>& clean_up);

}  // namespace vitrine::runtime
