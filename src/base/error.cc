#include "base/error.h"

#include <string.h>

namespace vitrine {

SystemError::SystemError(std::string_view intent, std::string_view call, int error_number)
    : Error(concat(intent, ": ", call, ": ", errno_text(error_number), " (",
                   errno_name(error_number), ")")),
      error_number_(error_number),
      call_(call) {}

std::string errno_text(int error_number) {
    const char* text = strerrordesc_np(error_number);
    return text != nullptr ? text : concat("error ", error_number);
}

std::string errno_name(int error_number) {
    const char* name = strerrorname_np(error_number);
    return name != nullptr ? name : std::to_string(error_number);
}

}  // namespace vitrine
