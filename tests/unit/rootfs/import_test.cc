// Hostile archives write nothing outside, and honest ones what they should.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "rootfs/image.h"
#include "rootfs/inspect.h"
#include "rootfs/unpack.h"
#include "support/scratch.h"

namespace vitrine::rootfs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTarBlock = 512;

/// Writes tars as no honest tool would.
class Tar {
  public:
    Tar& add(const std::string& name, char type, const std::string& content = {},
             const std::string& target = {}, unsigned mode = 0644) {
        std::array<char, kTarBlock> header{};
        const auto put = [&](std::size_t at, const std::string& text) {
            std::memcpy(&header.at(at), text.data(), text.size());
        };
        const auto octal = [](std::uint64_t value) {
            std::string digits(11, '0');
            for (std::size_t i = digits.size(); i-- > 0; value >>= 3U)
                digits[i] = static_cast<char>('0' + (value & 7U));
            return digits;
        };
        put(0, name);
        put(100, octal(mode).substr(4));
        put(108, "0000000");
        put(116, "0000000");
        put(124, octal(content.size()));
        put(136, octal(1'000'000'000));
        put(148, "        ");
        header.at(156) = type;
        put(157, target);
        put(257, std::string("ustar\0"
                             "00",
                             8));
        unsigned sum = 0;
        for (const char byte : header)
            sum += static_cast<unsigned char>(byte);
        put(148, octal(sum).substr(5) + std::string("\0 ", 2));
        bytes_.append(header.data(), header.size());
        bytes_ += content;
        bytes_.append((kTarBlock - content.size() % kTarBlock) % kTarBlock, '\0');
        return *this;
    }

    std::string bytes() const { return bytes_ + std::string(2 * kTarBlock, '\0'); }

  private:
    std::string bytes_;
};

class Unpacking : public testing::Test {
  protected:
    Unpacking() { fs::create_directory(root_); }

    void apply(Unpacker& unpacker, const Tar& tar) const {
        ArchiveReader reader(scratch_.write("layer.tar", tar.bytes()));
        unpacker.apply(reader);
    }
    void apply(const Tar& tar) const {
        Unpacker unpacker(root_);
        apply(unpacker, tar);
    }

    std::string read(const std::string& path) const { return read_file(root_ + path, 1000); }
    bool exists(const std::string& path) const {
        return fs::exists(fs::symlink_status(root_ + path));
    }

    test::Scratch scratch_;
    std::string root_ = scratch_.path() + "/root";
};

TEST_F(Unpacking, RefusesNamesThatLeadOut) {
    EXPECT_THROW(apply(Tar().add("../planted", '0', "x")), Error);
    EXPECT_THROW(apply(Tar().add("usr/../../planted", '0', "x")), Error);
    EXPECT_THROW(apply(Tar().add("hard", '1', {}, "../secret")), Error);
    EXPECT_FALSE(fs::exists(scratch_.path() + "/planted"));
    apply(Tar().add("/absolute", '0', "is below the root"));
    EXPECT_EQ(read("/absolute"), "is below the root");
}

TEST_F(Unpacking, WritesThroughNoLinkToTheOutside) {
    fs::create_directory(scratch_.path() + "/victim");
    const std::string precious = scratch_.write("precious", "untouched");
    apply(Tar()
              .add("up", '2', {}, "../victim")
              .add("abs", '2', {}, scratch_.path() + "/victim")
              .add("file", '2', {}, precious)
              .add("file", '0', "replaced")
              .add("hard", '1', {}, "file"));
    EXPECT_EQ(read_file(precious, 100), "untouched");
    EXPECT_EQ(read("/file"), "replaced");
    EXPECT_EQ(read("/hard"), "replaced");
    EXPECT_THROW(apply(Tar().add("up/planted", '0', "x")), Error);
    EXPECT_THROW(apply(Tar().add("abs/planted", '0', "x")), Error);
    EXPECT_THROW(apply(Tar().add("s", '2', {}, precious).add("h", '1', {}, "s")), Error);
    EXPECT_TRUE(fs::is_empty(scratch_.path() + "/victim"));
    // The control: a link to a directory that is there is written through, inside.
    apply(Tar().add("usr/lib/", '5').add("lib", '2', {}, "/usr/lib").add("lib/x", '0', "y"));
    EXPECT_EQ(read("/usr/lib/x"), "y");
}

TEST_F(Unpacking, LeavesNoLinkThatLeadsOut) {
    EXPECT_EQ(contained_target("a/b/link", "/etc/passwd"), "../../etc/passwd");
    EXPECT_EQ(contained_target("link", "../../../etc"), "etc");
    EXPECT_EQ(contained_target("a/link", "../.."), "../");
    EXPECT_EQ(contained_target("lib", "usr/lib"), "usr/lib");
    EXPECT_EQ(contained_target("link", "/"), ".");
}

TEST_F(Unpacking, TakesNoModesDevicesOrControlCharacters) {
    Unpacker unpacker(root_);
    apply(unpacker, Tar()
                        .add("su", '0', "x", {}, 06755)
                        .add("sda", '4')
                        .add("tty", '3')
                        .add("pipe", '6')
                        .add("two\nlines", '0', "x")
                        .add(".vitrine/python.json", '0', "{}"));
    EXPECT_EQ(unpacker.left_out(), 4U);
    struct stat info{};
    ASSERT_EQ(::stat((root_ + "/su").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0444U);
    EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
}

TEST_F(Unpacking, LetsWhiteoutsHideWhatIsBelowThem) {
    Unpacker unpacker(root_);
    apply(unpacker, Tar().add("a/one", '0', "1").add("a/two", '0', "2").add("b/three", '0', "3"));
    apply(unpacker, Tar()
                        .add("a/.wh.one", '0')
                        .add("b/new", '0', "4")
                        .add("b/.wh..wh..opq", '0')
                        .add(".wh...", '0'));
    EXPECT_FALSE(exists("/a/one"));
    EXPECT_TRUE(exists("/a/two"));
    EXPECT_FALSE(exists("/b/three"));
    EXPECT_TRUE(exists("/b/new"));
}

TEST_F(Unpacking, EndsAtItsLimits) {
    Unpacker small(root_, {.bytes = 10, .entries = 100});
    EXPECT_THROW(apply(small, Tar().add("a", '0', "six by").add("b", '0', "six by")), Error);
    Unpacker few(root_, {.bytes = 100, .entries = 2});
    EXPECT_THROW(apply(few, Tar().add("c", '0').add("d", '0').add("e", '0')), Error);
    EXPECT_THROW(ArchiveReader(scratch_.write("no.tar", "this is no archive")).next(), Error);
}

/// An OCI layout of one layer; `damage` is put at the layer's end.
std::string oci_image(const Tar& layer, const std::string& damage = {}) {
    const std::string bytes = layer.bytes();
    const std::string layer_hash = sha256_hex(std::string_view(bytes));
    const std::string manifest =
        concat(R"({"layers": [{"digest": "sha256:)", layer_hash, R"("}]})");
    const std::string manifest_hash = sha256_hex(std::string_view(manifest));
    return Tar()
        .add("oci-layout", '0', "{}")
        .add("index.json", '0',
             concat(R"({"manifests": [{"digest": "sha256:)", manifest_hash, R"("}]})"))
        .add("blobs/sha256/" + manifest_hash, '0', manifest)
        .add("blobs/sha256/" + layer_hash, '0', bytes + damage)
        .bytes();
}

TEST(Image, IsReadAsOciDockerOrPlainTar) {
    const test::Scratch scratch;
    const Tar layer = Tar().add("hello", '0', "x");
    const std::string oci = scratch.write("oci.tar", oci_image(layer));
    ASSERT_EQ(find_layers(oci).size(), 1U);
    EXPECT_TRUE(find_layers(oci)[0].path.starts_with("blobs/sha256/"));
    std::string seen;
    read_layer(oci, find_layers(oci)[0],
               [&](ArchiveReader& reader) { seen = reader.next()->path; });
    EXPECT_EQ(seen, "hello");

    const std::string docker = scratch.write(
        "docker.tar", Tar()
                          .add("abc/layer.tar", '0', layer.bytes())
                          .add("manifest.json", '0', R"([{"Layers": ["abc/layer.tar"]}])")
                          .bytes());
    EXPECT_EQ(find_layers(docker)[0].path, "abc/layer.tar");
    EXPECT_EQ(find_layers(scratch.write("plain.tar", layer.bytes()))[0].path, "");
}

TEST(Image, IsRefusedWhenItIsNotWhatItSays) {
    const test::Scratch scratch;
    const std::string damaged =
        scratch.write("damaged.tar", oci_image(Tar().add("hello", '0', "x"), "tail"));
    EXPECT_THROW(read_layer(damaged, find_layers(damaged)[0],
                            [](ArchiveReader& reader) { (void)reader.next(); }),
                 Error);
    const auto layers_of = [&](const std::string& index) {
        return find_layers(scratch.write(
            "x.tar", Tar().add("oci-layout", '0', "{}").add("index.json", '0', index).bytes()));
    };
    EXPECT_THROW((void)layers_of("{"), Error);
    EXPECT_THROW((void)layers_of(R"({"manifests": [{"digest": "sha256:../../etc/passwd"}]})"),
                 Error);
    EXPECT_THROW((void)layers_of(R"({"manifests": []})"), Error);
    EXPECT_THROW((void)layers_of(R"({"manifests": [7]})"), Error);
}

TEST(Inspection, SaysWhyATreeHasNoPythonForUs) {
    const test::Scratch scratch;
    const auto complaint = [&] {
        try {
            (void)find_python(scratch.path());
        } catch (const UsageError& error) {
            return std::string(error.what());
        }
        return std::string("found");
    };
    EXPECT_EQ(complaint(), "it has no shared libpython");
    fs::create_directories(scratch.path() + "/usr/lib");
    scratch.write("usr/lib/libpython3.1.so.1.0", "");
    EXPECT_NE(complaint().find("it has libpython3.1.so.1.0; Vitrine runs"), std::string::npos);
    fs::create_directories(scratch.path() + "/lib");
    scratch.write("lib/ld-musl-x86_64.so.1", "");
    EXPECT_EQ(complaint(), "its C library is musl");
}

}  // namespace
}  // namespace vitrine::rootfs
