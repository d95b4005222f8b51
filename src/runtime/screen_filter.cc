#include "runtime/screen_filter.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace vitrine::runtime {

namespace {

constexpr char kEsc = '\x1b';
/// Selects the second character set, which is the one for lines on some terminals from the start.
constexpr char kShiftOut = '\x0e';
constexpr std::size_t kMaxSequence = 64;

/// BEL, BS, HT, LF, VT, FF, CR, SO, SI. Not ENQ, which terminals answer.
constexpr std::string_view kControls = "\x07\x08\t\n\x0b\x0c\r\x0e\x0f";
/// After ESC: save and restore the cursor, index, next line, tab stop, reverse index, keypad.
constexpr std::string_view kEscapes = "78DEHM=>";
/// Finals of ESC [ that move, erase, insert, delete, scroll or colour.
constexpr std::string_view kFinals = "@ABCDEFGHIJKLMPSTXZ`abdefgmrsu";
/// DEC private modes: cursor keys, wrapping, blinking and visible cursor, the other screen, pasted
/// text marked as such, updates at once.
constexpr std::array<std::string_view, 10> kModes{"1",    "7",    "12",   "25",   "47",
                                                  "1047", "1048", "1049", "2004", "2026"};
/// Those that a terminal has switched on from the start.
constexpr std::array<std::string_view, 2> kModesOn{"7", "25"};

template <typename List>
bool holds(const List& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
}

/// Calls `action` for each of `1;25;…`.
template <typename Action>
void for_each_parameter(std::string_view parameters, Action&& action) {
    while (true) {
        const std::size_t end = parameters.find(';');
        action(parameters.substr(0, end));
        if (end == std::string_view::npos) return;
        parameters.remove_prefix(end + 1);
    }
}

bool are_known_modes(std::string_view parameters) {
    bool are_known = true;
    for_each_parameter(
        parameters, [&](std::string_view mode) { are_known = are_known && holds(kModes, mode); });
    return are_known;
}

bool is_number_list(std::string_view text) {
    return text.find_first_not_of("0123456789;:") == std::string_view::npos;
}

}  // namespace

std::string ScreenFilter::filter(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (const char c : bytes)
        take(c, out);
    return out;
}

void ScreenFilter::take(char c, std::string& out) {
    // An ESC begins a sequence anywhere, and ends a string.
    if (c == kEsc && state_ != State::kString) {
        state_ = state_ == State::kStringEscape ? state_ : State::kEscape;
        return;
    }
    switch (state_) {
        case State::kText:
        case State::kAfterC2:
            return take_text(c, out);
        case State::kEscape:
            return take_escape(c, out);
        case State::kControl:
            return take_control(c, out);
        case State::kCharset:
            state_ = State::kText;
            // The ones for ASCII and for lines. Other sequences of three bytes are none of these.
            if ((pending_ != "(" && pending_ != ")") || (c != 'B' && c != '0')) return;
            has_charset_ = true;
            out += concat(kEsc, pending_, c);
            return;
        case State::kString:
            if (c == kEsc) state_ = State::kStringEscape;
            if (c == '\x07' || c == '\x18' || c == '\x1a') state_ = State::kText;
            return;
        case State::kStringEscape:
            // ESC \ is its end; ESC and anything else is, too, and a sequence of its own.
            state_ = State::kText;
            if (c != '\\') take_escape(c, out);
            return;
    }
}

void ScreenFilter::take_text(char c, std::string& out) {
    const auto byte = static_cast<unsigned char>(c);
    if (state_ == State::kAfterC2) {
        state_ = State::kText;
        if (byte >= 0x80 && byte < 0xa0) {
            out.push_back('?');  // A C1 control, as UTF-8.
            return;
        }
        out.push_back('\xc2');
    }
    if (byte == 0xc2) {
        state_ = State::kAfterC2;
    } else if ((byte >= 0x20 && byte != 0x7f) || kControls.find(c) != std::string_view::npos) {
        if (c == kShiftOut) has_charset_ = true;
        out.push_back(c);
    }
}

void ScreenFilter::take_escape(char c, std::string& out) {
    pending_.assign(1, c);
    state_ = State::kText;
    if (c == '[') {
        state_ = State::kControl;
    } else if (c >= 0x20 && c <= 0x2f) {
        state_ = State::kCharset;
    } else if (std::string_view("]P_^X").find(c) != std::string_view::npos) {
        state_ = State::kString;
    } else if (kEscapes.find(c) != std::string_view::npos) {
        if (c == '=' || c == '>') has_keypad_ = c == '=';
        out += concat(kEsc, c);
    }
}

void ScreenFilter::take_control(char c, std::string& out) {
    if (c >= 0x40 && c <= 0x7e) {
        state_ = State::kText;
        return end_control(c, out);
    }
    if (c < 0x20 || c > 0x3f || pending_.size() > kMaxSequence) {
        state_ = State::kText;  // No sequence; what follows is text.
        return;
    }
    pending_.push_back(c);
}

void ScreenFilter::end_control(char final, std::string& out) {
    if (!is_harmless(final)) return;
    note_modes(final);
    out += concat(kEsc, pending_, final);
}

bool ScreenFilter::is_harmless(char final) const {
    const std::string_view parameters = std::string_view(pending_).substr(1);
    if (parameters.starts_with('?')) {
        const std::string_view modes = parameters.substr(1);
        if (final == 'h' || final == 'l') return are_known_modes(modes);
        return (final == 'J' || final == 'K') && is_number_list(modes);
    }
    if (!is_number_list(parameters)) return false;
    if (final == 'h' || final == 'l') return parameters == "4";  // Inserting.
    return kFinals.find(final) != std::string_view::npos;
}

void ScreenFilter::note_modes(char final) {
    const std::string_view parameters = std::string_view(pending_).substr(1);
    if (final == 'm') is_coloured_ = !parameters.empty() && parameters != "0";
    if (final == 'r') has_region_ = !parameters.empty();
    if (final != 'h' && final != 'l') return;
    for_each_parameter(parameters, [&](std::string_view mode) {
        std::string name(parameters.starts_with('?') && !mode.starts_with('?') ? "?" : "");
        name += mode;
        const bool starts_on = holds(kModesOn, std::string_view(name).substr(1));
        if ((final == 'h') == starts_on) {
            modes_.erase(name);
        } else {
            modes_.insert(name);
        }
    });
}

std::string ScreenFilter::undo() {
    std::string out;
    for (const std::string& mode : modes_) {
        const bool starts_on = holds(kModesOn, std::string_view(mode).substr(1));
        out += concat(kEsc, "[", mode, starts_on ? 'h' : 'l');
    }
    if (has_region_)
        out +=
            "\x1b"
            "7\x1b[r\x1b"
            "8";
    if (has_keypad_) out += "\x1b>";
    if (has_charset_) out += "\x0f\x1b(B";
    if (is_coloured_) out += "\x1b[0m";
    modes_.clear();
    is_coloured_ = has_region_ = has_keypad_ = has_charset_ = false;
    return out;
}

}  // namespace vitrine::runtime
