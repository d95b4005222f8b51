#include "rootfs/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <vector>

#include "base/error.h"

namespace vitrine::rootfs {

namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16U;

struct FreeArchive {
    void operator()(archive* reader) const { archive_read_free(reader); }
};

std::string text(const char* pointer) {
    return pointer == nullptr ? std::string() : std::string(pointer);
}

ArchiveEntry::Kind kind_of(archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr) return ArchiveEntry::Kind::kHardLink;
    switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
            return ArchiveEntry::Kind::kFile;
        case AE_IFDIR:
            return ArchiveEntry::Kind::kDirectory;
        case AE_IFLNK:
            return ArchiveEntry::Kind::kSymlink;
        default:
            return ArchiveEntry::Kind::kOther;
    }
}

}  // namespace

struct ArchiveReader::State {
    std::unique_ptr<archive, FreeArchive> reader{archive_read_new()};
    Source source;
    std::vector<std::byte> block = std::vector<std::byte>(kBlock);
    std::string failure;

    State() {
        archive_read_support_filter_gzip(reader.get());
        archive_read_support_filter_zstd(reader.get());
        archive_read_support_format_tar(reader.get());
    }

    la_ssize_t check(la_ssize_t result) const {
        // A warning is about names in another character set and the like: the entry is there.
        if (result >= 0 || result == ARCHIVE_WARN) return result;
        throw Error(concat("reading the archive: ",
                           failure.empty() ? text(archive_error_string(reader.get())) : failure));
    }

    static la_ssize_t pull(archive* /*reader*/, void* data, const void** buffer) {
        auto& state = *static_cast<State*>(data);
        try {
            *buffer = state.block.data();
            return static_cast<la_ssize_t>(state.source(state.block));
        } catch (const std::exception& error) {
            // libarchive is C: no exception may cross it.
            state.failure = error.what();
            return -1;
        }
    }
};

ArchiveReader::ArchiveReader(const std::string& path) : state_(std::make_unique<State>()) {
    state_->check(archive_read_open_filename(state_->reader.get(), path.c_str(), kBlock));
}

ArchiveReader::ArchiveReader(Source source) : state_(std::make_unique<State>()) {
    state_->source = std::move(source);
    state_->check(
        archive_read_open(state_->reader.get(), state_.get(), nullptr, &State::pull, nullptr));
}

ArchiveReader::~ArchiveReader() = default;

std::optional<ArchiveEntry> ArchiveReader::next() {
    archive_entry* entry = nullptr;
    if (state_->check(archive_read_next_header(state_->reader.get(), &entry)) == ARCHIVE_EOF) {
        return std::nullopt;
    }
    ArchiveEntry found{.path = text(archive_entry_pathname(entry)),
                       .kind = kind_of(entry),
                       .target = {},
                       .mtime = archive_entry_mtime(entry),
                       .size = static_cast<std::uint64_t>(archive_entry_size(entry))};
    found.target = text(found.kind == ArchiveEntry::Kind::kHardLink ? archive_entry_hardlink(entry)
                                                                    : archive_entry_symlink(entry));
    return found;
}

std::size_t ArchiveReader::read(std::span<std::byte> buffer) {
    return static_cast<std::size_t>(
        state_->check(archive_read_data(state_->reader.get(), buffer.data(), buffer.size())));
}

}  // namespace vitrine::rootfs
