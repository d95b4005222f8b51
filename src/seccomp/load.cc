#include "seccomp/load.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "seccomp/cache.h"
#include "seccomp/stored.h"

namespace vitrine::seccomp {

namespace {

/// Beside the built-in profiles, and as trustworthy as they are.
std::optional<Filter> load_precompiled(const std::string& path, const FilterKey& key,
                                       KernelVersion kernel) {
    try {
        auto filter = decode_filter(read_file(path, kMaxStoredFilter), key, kernel);
        if (filter) filter->origin = Origin::kPrecompiled;
        return filter;
    } catch (const Error&) {
        return std::nullopt;  // Not every combination is compiled beforehand.
    }
}

Filter compile_and_keep(const std::vector<ProfilePart>& parts, const HostFacts& host,
                        const FilterKey& key, const Cache& cache) {
    Filter filter = compile_filter(parts, host);
    filter.cache_problem = cache.put(key, host.kernel, encode_filter(filter, parts, host));
    return filter;
}

}  // namespace

Filter load_filter(const std::string& profile, const FilterSources& sources,
                   SubArchitectures sub_architectures) {
    const std::vector<ProfilePart> parts = read_parts(profile, sources.profiles_directory);
    HostFacts host = host_facts();
    host.sub_architectures = sub_architectures;
    const FilterKey key{sha256_of(parts), host.arch, sub_architectures};
    std::optional<Filter> filter;
    if (profile.find('/') == std::string::npos) {
        const std::string path = concat(sources.profiles_directory, "/", profile, ".bpf");
        filter = load_precompiled(path, key, host.kernel);
    }
    const Cache cache(sources.cache_directory);
    if (!filter) filter = cache.get(key, host.kernel);
    if (!filter) filter = compile_and_keep(parts, host, key, cache);
    filter->profile = profile;
    return std::move(*filter);
}

}  // namespace vitrine::seccomp
