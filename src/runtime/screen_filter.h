// What a job with a terminal of its own may do to the caller's: paint.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace vitrine::runtime {

/// Lets text and the escape sequences through that move the cursor, colour, erase, scroll and
/// switch the screen, and takes every other one away: those that make a terminal answer (what it
/// sends would be typed), that set its title, clipboard or keys, that print or ask for the mouse.
/// Keeps state between calls.
class ScreenFilter {
  public:
    std::string filter(std::string_view bytes);

    /// Sequences that take back what the job has switched on and left so.
    std::string undo();

  private:
    enum class State { kText, kAfterC2, kEscape, kControl, kCharset, kString, kStringEscape };

    void take(char c, std::string& out);
    void take_text(char c, std::string& out);
    void take_escape(char c, std::string& out);
    void take_control(char c, std::string& out);
    void end_control(char final, std::string& out);
    void note_modes(char final);
    bool is_harmless(char final) const;

    State state_ = State::kText;
    std::string pending_;          ///< The sequence so far, without its ESC.
    std::set<std::string> modes_;  ///< Private modes that are not as a terminal starts.
    bool is_coloured_ = false;
    bool has_region_ = false;
    bool has_keypad_ = false;
    bool has_charset_ = false;
};

}  // namespace vitrine::runtime
