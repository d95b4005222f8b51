#include "runtime/command.h"

#include "base/wire.h"

namespace vitrine::runtime {

std::string encode_command(const std::vector<std::string>& words) {
    WireWriter writer;
    writer.put_all(words);
    return writer.text();
}

std::vector<std::string> decode_command(std::string_view bytes) {
    WireReader reader(std::as_bytes(std::span(bytes)));
    std::vector<std::string> words = reader.get_strings();
    if (words.empty()) throw Error("the command is missing");
    return words;
}

}  // namespace vitrine::runtime
