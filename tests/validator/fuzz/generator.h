// Programs from a grammar, and programs made of other programs.
#pragma once

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine::test {

using Random = std::mt19937_64;

/// A weighted context-free grammar; `grammar.txt` says how it is written.
class Grammar {
  public:
    /// Throws Error on a line that is no production.
    explicit Grammar(const std::string& path);

    /// A text of `symbol`, which never goes deeper than a fixed number of productions.
    std::string expand(std::string_view symbol, Random& random) const;

  private:
    void expand_into(std::string& text, std::string_view symbol, int depth, Random& random) const;
    void add_block(std::string& text, int depth, Random& random) const;

    std::map<std::string, std::vector<std::string>, std::less<>> productions_;
};

/// Turns programs of the corpus into others: lines and names change places, programs are joined and
/// wrapped, and pieces of the grammar come between.
class Mutator {
  public:
    Mutator(const Grammar& grammar, std::vector<std::string> programs);

    std::string mutate(Random& random) const;

  private:
    const std::string& any_program(Random& random) const;
    void change(std::vector<std::string>& lines, Random& random) const;
    void replace_name(std::string& line, Random& random) const;

    const Grammar& grammar_;
    std::vector<std::string> programs_;
    std::vector<std::string> names_;
};

}  // namespace vitrine::test
