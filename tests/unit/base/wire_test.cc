#include "base/wire.h"

#include <gtest/gtest.h>

namespace vitrine {
namespace {

TEST(Wire, ReadsBackWhatWasWritten) {
    WireWriter writer;
    writer.put(std::uint32_t{7});
    writer.put("text");
    writer.put_all(std::vector<std::string>{"a", "", "ccc"});
    writer.put(true);
    WireReader reader(writer.bytes());
    EXPECT_EQ(reader.get<std::uint32_t>(), 7U);
    EXPECT_EQ(reader.get_string(), "text");
    EXPECT_EQ(reader.get_strings(), (std::vector<std::string>{"a", "", "ccc"}));
    EXPECT_TRUE(reader.get<bool>());
    EXPECT_TRUE(reader.at_end());
}

TEST(Wire, RefusesEveryTruncation) {
    WireWriter writer;
    writer.put_all(std::vector<std::string>{"one", "two"});
    const auto& bytes = writer.bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        WireReader reader(std::span<const std::byte>(bytes).first(size));
        EXPECT_THROW(reader.get_strings(), Error) << size;
    }
}

TEST(Wire, RefusesALengthThatIsALie) {
    WireWriter writer;
    writer.put(~std::uint64_t{0});
    WireReader reader(writer.bytes());
    EXPECT_THROW(reader.get_string(), Error);
}

}  // namespace
}  // namespace vitrine
