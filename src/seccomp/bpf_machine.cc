#include "seccomp/bpf_machine.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace vitrine::seccomp {

namespace {

class Machine {
  public:
    Machine(std::span<const sock_filter> program, const seccomp_data& call)
        : program_(program), call_(call) {}

    std::uint32_t run() {
        for (std::size_t at = 0; at < program_.size(); ++at) {
            const sock_filter& step = program_[at];
            switch (BPF_CLASS(step.code)) {
                case BPF_RET:
                    return BPF_RVAL(step.code) == BPF_A ? a_ : step.k;
                case BPF_LD:
                    a_ = load(step);
                    break;
                case BPF_LDX:
                    x_ = load(step);
                    break;
                case BPF_ST:
                    memory_.at(step.k) = a_;
                    break;
                case BPF_STX:
                    memory_.at(step.k) = x_;
                    break;
                case BPF_ALU:
                    calculate(step);
                    break;
                case BPF_JMP:
                    at += jump(step);
                    break;
                case BPF_MISC:
                    move(step);
                    break;
                default:  // The mask leaves none.
                    refuse(step);
            }
        }
        throw Error("a filter ended without returning");
    }

    bool reads_arguments() const { return reads_arguments_; }

  private:
    [[noreturn]] static void refuse(const sock_filter& step) {
        throw Error(concat("a filter has the unknown instruction ", step.code));
    }

    std::uint32_t load(const sock_filter& step) {
        switch (BPF_MODE(step.code)) {
            case BPF_IMM:
                return step.k;
            case BPF_MEM:
                return memory_.at(step.k);
            case BPF_LEN:
                return sizeof call_;
            case BPF_ABS:
                break;
            default:
                refuse(step);
        }
        if (step.k % 4 != 0 || step.k + 4 > sizeof call_) {
            throw Error(concat("a filter loads from offset ", step.k));
        }
        reads_arguments_ |= step.k >= offsetof(seccomp_data, args);
        std::uint32_t word = 0;
        std::memcpy(&word, reinterpret_cast<const char*>(&call_) + step.k, sizeof word);
        return word;
    }

    std::uint32_t operand(const sock_filter& step) const {
        return BPF_SRC(step.code) == BPF_X ? x_ : step.k;
    }

    void calculate(const sock_filter& step) {
        const std::uint32_t value = operand(step);
        switch (BPF_OP(step.code)) {
            case BPF_ADD:
                a_ += value;
                break;
            case BPF_SUB:
                a_ -= value;
                break;
            case BPF_MUL:
                a_ *= value;
                break;
            case BPF_DIV:
                if (value == 0) throw Error("a filter divides by zero");
                a_ /= value;
                break;
            case BPF_AND:
                a_ &= value;
                break;
            case BPF_OR:
                a_ |= value;
                break;
            case BPF_XOR:
                a_ ^= value;
                break;
            case BPF_LSH:
                a_ = value < 32 ? a_ << value : 0;
                break;
            case BPF_RSH:
                a_ = value < 32 ? a_ >> value : 0;
                break;
            case BPF_NEG:
                a_ = 0U - a_;
                break;
            default:
                refuse(step);
        }
    }

    std::size_t jump(const sock_filter& step) const {
        const std::uint32_t value = operand(step);
        switch (BPF_OP(step.code)) {
            case BPF_JA:
                return step.k;
            case BPF_JEQ:
                return a_ == value ? step.jt : step.jf;
            case BPF_JGT:
                return a_ > value ? step.jt : step.jf;
            case BPF_JGE:
                return a_ >= value ? step.jt : step.jf;
            case BPF_JSET:
                return (a_ & value) != 0 ? step.jt : step.jf;
            default:
                refuse(step);
        }
    }

    void move(const sock_filter& step) {
        if (BPF_MISCOP(step.code) == BPF_TAX) {
            x_ = a_;
        } else {
            a_ = x_;
        }
    }

    std::span<const sock_filter> program_;
    const seccomp_data& call_;
    std::uint32_t a_ = 0;
    std::uint32_t x_ = 0;
    std::array<std::uint32_t, BPF_MEMWORDS> memory_{};
    bool reads_arguments_ = false;
};

}  // namespace

std::uint32_t run_filter(std::span<const sock_filter> program, const seccomp_data& call) {
    return Machine(program, call).run();
}

Outcome watch_filter(std::span<const sock_filter> program, const seccomp_data& call) {
    Machine machine(program, call);
    const std::uint32_t value = machine.run();
    return {.value = value, .reads_arguments = machine.reads_arguments()};
}

}  // namespace vitrine::seccomp
