#include "batch/ordering.h"

namespace vitrine::batch {

void Ordering::add(std::uint64_t number, std::optional<std::string> line) {
    if (line) bytes_ += line->size();
    held_.emplace(number, std::move(line));
}

}  // namespace vitrine::batch
