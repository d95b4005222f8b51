#include "python/config_layout.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/interpreter.h"

namespace vitrine::python {
namespace {

TEST(ConfigLayout, IsKnownForEverySupportedVersion) {
    for (int minor = 9; minor <= 13; ++minor)
        EXPECT_EQ(config_layout(minor).minor, minor);
    for (const int minor : {0, 8, 14}) {
        try {
            (void)config_layout(minor);
            ADD_FAILURE() << minor;
        } catch (const Error& error) {
            EXPECT_EQ(error.hint(), "build the rootfs from Python 3.9 to 3.13");
        }
    }
}

TEST(ConfigLayout, RefusesALibraryThatLaysItOutOtherwise) {
    Api api = test::shared_interpreter().api();
    EXPECT_NO_THROW(Config{api});  // Control.
    ++api.minor;
    EXPECT_THROW(Config{api}, Error);
}

}  // namespace
}  // namespace vitrine::python
