// Hostile pairs: what one job leaves, the next must not find; and two at a time are alone.
//
// Every trace is left and looked for by the first job itself, too: that is the control.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <set>
#include <sstream>
#include <string_view>
#include <tuple>

#include "base/error.h"
#include "engine_jobs.h"
#include "support/scratch.h"

namespace vitrine::test {
namespace {

using namespace std::chrono_literals;

struct Trace {
    const char* name;
    const char* leave;
    const char* look;  ///< An expression: whether it is there.
};

constexpr Trace kTraces[] = {
    {"AFileInTmp", "open('/tmp/mark', 'w').close()", "os.path.exists('/tmp/mark')"},
    {"AFileInDevShm", "open('/dev/shm/mark', 'w').close()", "os.path.exists('/dev/shm/mark')"},
    {"AnArtifactNobodyWanted", "os.makedirs('/tmp/out', exist_ok=True); open('/tmp/out/mark', 'w')",
     "os.path.exists('/tmp/out/mark')"},
    {"AVariable", "os.environ['MARK'] = '1'", "os.environ.get('MARK') == '1'"},
    {"AVariableOfC", "libc.setenv(b'MARK', b'1', 1)", "bool(libc.getenv(b'MARK'))"},
    {"AWorkingDirectory", "os.chdir('/usr')", "os.getcwd() == '/usr'"},
    {"AMask", "os.umask(0o777)", "os.umask(0o022) == 0o777"},
    {"AModule", "sys.modules['mark'] = sys", "'mark' in sys.modules"},
    {"APatchedModule", "import json; json.dumps = None", "__import__('json').dumps is None"},
    {"APatchedBuiltin", "import builtins; builtins.mark = 1",
     "hasattr(__import__('builtins'), 'mark')"},
    {"APathEntry", "sys.path.append('/mark')", "'/mark' in sys.path"},
    {"ATraceFunction", "sys.settrace(lambda *_: None)", "sys.gettrace() is not None"},
    {"AnExitHandler", "import atexit; atexit.register(lambda: print('mark', file=sys.__stdout__))",
     "__import__('atexit')._ncallbacks() > 0"},
    {"ADescriptor", "os.dup2(1, 50)", "os.path.exists('/proc/self/fd/50')"},
    {"ASignalHandler", "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)",
     "callable(__import__('signal').getsignal(10))"},
    {"AMaskedSignal", "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {10})",
     "10 in __import__('signal').pthread_sigmask(0, ())"},
    {"ASegment", "libc.shmget(0x6d61726b, 4096, 0o1666)", "libc.shmget(0x6d61726b, 0, 0) >= 0"},
    {"AQueue", "libc.msgget(0x6d61726b, 0o1666)", "libc.msgget(0x6d61726b, 0) >= 0"},
    {"AKeyOfTheUser", "libc.syscall(248, b'user', b'mark', b'x', 1, -4)",
     "libc.syscall(250, 10, -4, b'user', b'mark', 0) > 0"},
    {"AKeyOfTheSession", "libc.syscall(248, b'user', b'mark', b'x', 1, -3)",
     "libc.syscall(250, 10, -3, b'user', b'mark', 0) > 0"},
    {"APacket", "socket.socket(2, 2).sendto(b'mark', ('127.0.0.1', 9))",
     "int(open('/proc/net/dev').read().split('lo:')[1].split()[1]) > 0"},
    {"APacketThatWentNowhere", R"(
try:
    socket.socket(2, 2).sendto(b'mark', ('10.0.0.1', 9))
except OSError:
    pass
)",
     "int(open('/proc/net/snmp').read().split('Ip: ')[2].split()[11]) > 0"},
    {"AnAbstractName", R"(
# Held by a process that has closed whatever the result waits for.
name = socket.socket(socket.AF_UNIX)
name.bind('\0mark')
if os.fork() == 0:
    for fd in range(4):
        os.close(fd)
    __import__('time').sleep(1000)
)",
     "'@mark' in open('/proc/net/unix').read()"},
    {"AConnection", R"(
server = socket.create_server(('127.0.0.1', 7000))
client = socket.create_connection(('127.0.0.1', 7000))
peer = server.accept()[0]
client.close()
peer.recv(1)
peer.close()
server.close()
)",
     "' 06 ' in open('/proc/net/tcp').read()"},
    {"ARouteThatWasLookedUp",
     "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).connect(('::1', 9))",
     "int(open('/proc/net/rt6_stats').read().split()[2], 16) > 0"},
    {"AFlowLabel", R"(
# struct in6_flowlabel_req: ::1, label 0x12345, GET, shared by anybody, CREATE, to linger for a minute.
request = b'\0' * 15 + b'\1' + (0x12345).to_bytes(4, 'big') + bytes([0, 255, 1, 0, 60, 0, 60, 0]) + bytes(4)
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).setsockopt(41, 32, request)
)",
     "'12345' in open('/proc/net/ip6_flowlabel').read()"},
    {"AHostname", "pass", "os.uname().nodename != 'vitrine'"},
    {"ADaemon", R"(
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        __import__('time').sleep(1000)
    os._exit(0)
os.wait())",
     "len([p for p in os.listdir('/proc') if p.isdigit()]) > 2"},
    {"AProcessName", "libc.prctl(15, b'mark', 0, 0, 0)",
     "open('/proc/self/comm').read() == 'mark\\n'"},
    {"ALimit", "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))",
     "__import__('resource').getrlimit(7) == (20, 20)"},
};

/// Nothing of seccomp in the way of the attempt.
std::string open_profile(const Scratch& scratch) {
    return scratch.write("open.json", R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})");
}

class OfAnEarlierJob : public testing::TestWithParam<std::tuple<Kind, Trace>> {};

TEST_P(OfAnEarlierJob, NothingIsFound) {
    const auto& [kind, trace] = GetParam();
    const Scratch scratch;
    const auto job = [&](const std::string& body, const char* id) {
        Job made =
            job_of("import ctypes, os, socket, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n" +
                       body + "\nprint(" + trace.look + ")",
                   id);
        made.seccomp_profile = open_profile(scratch);
        return made;
    };
    const auto engine = runtime::make_engine(engine_options(kind, 1));
    // A look for a trace is worth nothing where a trace cannot be left: one attempt has no control,
    // since nobody may do it at all.
    const bool has_control = std::string_view(trace.name) != "AHostname";
    const auto first = run_one(*engine, job(trace.leave, "first"));
    EXPECT_TRUE(first.result.out.bytes.starts_with(has_control ? "True\n" : "False\n"))
        << "the trace was not left: " << first.result.out.bytes << first.result.err.bytes;
    for (int i = 0; i < 3; ++i) {
        const auto second = run_one(*engine, job("pass", "second"));
        EXPECT_EQ(second.result.out.bytes, "False\n") << second.result.err.bytes;
        EXPECT_EQ(second.result.warm, kind == Kind::kWarm);
    }
}

INSTANTIATE_TEST_SUITE_P(Traces, OfAnEarlierJob,
                         testing::Combine(testing::Values(Kind::kCold, Kind::kWarm),
                                          testing::ValuesIn(kTraces)),
                         [](const auto& param) {
                             return std::string(std::get<1>(param.param).name) +
                                    (std::get<0>(param.param) == Kind::kCold ? "Cold" : "Warm");
                         });

// What the first job offers to whoever can reach it, and its control: a process of its own can.
constexpr const char* kHost = R"(
import os, signal, socket, sys, time, ctypes
libc = ctypes.CDLL(None, use_errno=True)
hits = []
for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD):
        signal.signal(number, lambda n, _: hits.append(n))
abstract = socket.socket(socket.AF_UNIX); abstract.bind('\0mark'); abstract.listen()
tcp = socket.socket(); tcp.bind(('127.0.0.1', 4444)); tcp.listen()
libc.shmget(0x6d61726b, 4096, 0o1666)
open('/tmp/mark', 'w').close()
GUEST
print('ready', flush=True)
time.sleep(3)
print(sorted(set(hits)))
)";

constexpr const char* kGuest = R"(
import os, socket, ctypes
libc = ctypes.CDLL(None, use_errno=True)
def reaches(action):
    try:
        action()
        return True
    except OSError:
        return False
def connect(family, address):
    with socket.socket(family) as s:
        s.connect(address)
found = [reaches(lambda: connect(socket.AF_UNIX, '\0mark')),
         reaches(lambda: connect(socket.AF_INET, ('127.0.0.1', 4444))),
         libc.shmget(0x6d61726b, 0, 0) >= 0, os.path.exists('/tmp/mark')]
)";

class TwoAtATime : public testing::TestWithParam<Kind> {};

TEST_P(TwoAtATime, CannotSeeSignalOrTalkToEachOther) {
    const auto engine = runtime::make_engine(engine_options(GetParam(), 2));
    // The control: what it offers can be reached, from where it is.
    std::string host = kHost;
    host.replace(host.find("GUEST"), 5, std::string(kGuest) + "print(found)");
    const std::string guest = std::string(kGuest) + R"(
import signal
killed = []
for pid in list(range(1, 3000)):
    if pid == os.getpid(): continue
    try:
        os.kill(pid, signal.SIGUSR1)
        killed.append(pid)
    except OSError:
        pass
try:
    os.kill(-1, signal.SIGUSR2)
except OSError:
    pass
print(found, [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())],
      [pid for pid in killed if pid != 1])
)";
    std::vector<Job> jobs;
    jobs.push_back(job_of(host, "host"));
    jobs.push_back(job_of("import time; time.sleep(1)\n" + guest, "guest"));
    const auto answers = run_all(*engine, std::move(jobs));
    EXPECT_EQ(answers.at("host").at(0).result.out.bytes, "[True, True, True, True]\nready\n[]\n")
        << answers.at("host").at(0).result.err.bytes;
    EXPECT_EQ(answers.at("guest").at(0).result.out.bytes, "[False, False, False, False] [] []\n")
        << answers.at("guest").at(0).result.err.bytes;
}

TEST_P(TwoAtATime, CountTheirProcessesApart) {
    const auto engine = runtime::make_engine(engine_options(GetParam(), 2));
    const char* code = R"(
import os, time
made = 0
try:
    for _ in range(8):
        if os.fork() == 0:
            time.sleep(1.5)
            os._exit(0)
        made += 1
except OSError:
    pass
time.sleep(1)
print(made)
)";
    std::vector<Job> jobs{job_of(code, "one"), job_of(code, "two"), job_of(code, "bounded")};
    jobs[0].limits.pids = jobs[1].limits.pids = 10;
    jobs[2].limits.pids = 4;
    const auto answers = run_all(*engine, std::move(jobs));
    EXPECT_EQ(answers.at("one").at(0).result.out.bytes, "8\n");
    EXPECT_EQ(answers.at("two").at(0).result.out.bytes, "8\n");
    EXPECT_EQ(answers.at("bounded").at(0).result.out.bytes, "3\n") << "the control";
}

INSTANTIATE_TEST_SUITE_P(Jobs, TwoAtATime, testing::Values(Kind::kCold, Kind::kWarm),
                         [](const auto& param) {
                             return param.param == Kind::kCold ? "Cold" : "Warm";
                         });

/// In how many network namespaces five jobs with `code` were, one after the other.
std::size_t count_networks(runtime::EngineOptions options, const std::string& code) {
    // SO_NETNS_COOKIE: no two namespaces since boot have the same.
    constexpr const char* kCookie = "import socket\nprint(socket.socket().getsockopt(1, 71, 8))\n";
    const auto engine = runtime::make_engine(std::move(options));
    std::set<std::string> networks;
    for (int i = 0; i < 5; ++i) {
        const auto report = run_one(*engine, job_of(kCookie + code));
        EXPECT_EQ(report.result.exit_code, 0) << report.result.err.bytes;
        networks.insert(report.result.out.bytes);
    }
    return networks.size();
}

TEST(Networks, CleanOnesAreHandedOn) {
    EXPECT_LT(count_networks(engine_options(Kind::kWarm, 1), "pass"), 5U);
}

TEST(Networks, OneThatAPacketWasSentInIsNot) {
    EXPECT_EQ(count_networks(engine_options(Kind::kWarm, 1),
                             "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))"),
              5U);
}

TEST(Networks, NobodyHearsLaterOfAGroupThatWasJoined) {
    const std::string join = R"(
import socket, struct
group = socket.inet_pton(socket.AF_INET6, 'ff05::1234') + struct.pack('@i', 1)
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).setsockopt(41, 20, group)
group = socket.inet_aton('239.1.2.3') + bytes(4) + struct.pack('@i', 1)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(0, 35, group)
)";
    const std::string look =
        "import time\ntime.sleep(0.5)\n"
        "print(open('/proc/net/dev').read().split('lo:')[1].split()[1])";
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 1));
    const auto joined = run_one(*engine, job_of(join));
    EXPECT_EQ(joined.result.exit_code, 0) << joined.result.err.bytes;
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(run_one(*engine, job_of(look)).result.out.bytes, "0\n");
    EXPECT_NE(run_one(*engine, job_of(join + look)).result.out.bytes, "0\n") << "the control";
}

TEST(Networks, NoneIsHandedOnWhereFreshOnesAreAskedFor) {
    auto options = engine_options(Kind::kWarm, 1);
    options.has_fresh_networks = true;
    EXPECT_EQ(count_networks(options, "pass"), 5U);
}

TEST(Zygotes, AreNoMoreThanAFewHoweverManyKindsOfJobsThereAre) {
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 2));
    for (int i = 0; i < 12; ++i) {
        Job job = job_of("print(1)");
        job.hostname = concat("host", i % 10);
        EXPECT_EQ(run_one(*engine, job).result.out.bytes, "1\n") << i;
    }
    const auto zygotes = engine->zygotes();
    EXPECT_EQ(zygotes.size(), 8U);
    for (const auto& zygote : zygotes)
        EXPECT_GT(zygote.memory_bytes, 1U << 20) << zygote.rootfs;
}

TEST(Zygotes, AJobIsToldWhatItWasDeniedThoughItsKindMadeRoomMeanwhile) {
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 2));
    Job patient = job_of(
        "import os, time\ntime.sleep(4)\ntry:\n    os.chroot('/')\n"
        "except PermissionError as error:\n    print(error.errno)",
        "patient");
    patient.explains_denied = true;
    std::vector<Job> jobs{patient};
    // One kind too many, and none after it that would take the place in memory.
    for (int i = 0; i < 8; ++i) {
        jobs.push_back(job_of("print(1)", concat("other-", i)));
        jobs.back().hostname = concat("host", i);
    }
    const auto answers = run_all(*engine, std::move(jobs));
    EXPECT_EQ(answers.size(), 9U);
    const Result& result = answers.at("patient").at(0).result;
    EXPECT_EQ(result.out.bytes, "1\n") << result.err.bytes;
    ASSERT_EQ(result.denied.size(), 1U);
    EXPECT_EQ(result.denied[0].name, "chroot");
}

TEST(Zygotes, OneServesAnyLimits) {
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 2));
    for (int i = 0; i < 80; ++i) {
        Job job = job_of("print(1)");
        job.limits.memory_bytes = (std::uint64_t{200} << 20) + static_cast<std::uint64_t>(i) * 4096;
        EXPECT_EQ(run_one(*engine, job).result.out.bytes, "1\n") << i;
    }
    EXPECT_EQ(engine->zygotes().size(), 1U);
}

TEST(WarmHeap, IsInHugePages) {
    const std::string look =
        "print(int(open('/proc/self/smaps_rollup').read().split('AnonHugePages:')[1].split()[0]))";
    const auto huge_kib = [&](const std::string& script) {
        auto options = engine_options(Kind::kWarm, 1);
        options.preload.script = script;
        const auto engine = runtime::make_engine(options);
        return std::stoi(run_one(*engine, job_of(look)).result.out.bytes);
    };
    EXPECT_GT(huge_kib("data = [str(i) for i in range(1000000)]"), 32 << 10);
    EXPECT_LT(huge_kib(""), 32 << 10) << "the control: there is nothing to gather";
}

TEST(WarmHeap, HasItsFreePlacesTakenBeforeAProgramComes) {
    auto options = engine_options(Kind::kWarm, 1);
    // Two free places on every page.
    options.preload.script =
        "kept = [(i, i) for i in range(300000)]\n"
        "for i in range(0, 300000, 32):\n    kept[i] = None\n"
        "blocks = [bytes(1000) for i in range(40000)]\n"
        "for i in range(0, 40000, 8):\n    blocks[i] = None\n";
    const std::string count =
        "import resource\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "start = faults()\n"
        "mine = [(i, i) for i in range(6000)]\n"
        "small = faults()\n"
        "mine += [bytes(1000) for i in range(3000)]\n"
        "print(small - start, faults() - small)";
    const auto engine = runtime::make_engine(options);
    std::istringstream counted(run_one(*engine, job_of(count)).result.out.bytes);
    int small = 0;
    int large = 0;
    ASSERT_TRUE(counted >> small >> large);
    // Together they need 140 pages and 750; one page each would be thousands.
    EXPECT_LT(small, 600);
    EXPECT_LT(large, 1500);
}

/// The C library learns from what is freed which blocks to keep, unless it is told otherwise.
TEST(WarmHeap, LetsALargeBlockBeUsedAgain) {
    const std::string count =
        "import resource\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for i in range(10): bytearray(b'x') * 1000000\n"
        "start = faults()\n"
        "for i in range(100): bytearray(b'x') * 1000000\n"
        "print(faults() - start)";
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 1));
    // Mapped anew, each would take 245.
    EXPECT_LT(std::stoi(run_one(*engine, job_of(count)).result.out.bytes), 2500);
}

TEST(WarmHeap, GivesEveryJobRandomStatesOfItsOwn) {
    auto options = engine_options(Kind::kWarm, 1);
    options.preload.modules = {"random", "tempfile", "uuid", "multiprocessing.process"};
    // Used before the fork, so that there is a state to share.
    options.preload.script =
        "import random, tempfile; random.random(); next(tempfile._get_candidate_names())";
    const auto engine = runtime::make_engine(options);
    const auto values = [&](const char* expression) {
        std::set<std::string> seen;
        for (int i = 0; i < 4; ++i) {
            seen.insert(
                run_one(*engine, job_of(std::string("import sys\nprint(") + expression + ")"))
                    .result.out.bytes);
        }
        return seen;
    };
    EXPECT_EQ(values("'random' in sys.modules, 'tempfile' in sys.modules"),
              std::set<std::string>{"True True\n"});
    EXPECT_EQ(values("hash('x')").size(), 1U) << "the control: these are no forks of one heap";
    EXPECT_EQ(values("__import__('random').random()").size(), 4U);
    EXPECT_EQ(values("next(__import__('tempfile')._get_candidate_names())").size(), 4U);
    EXPECT_EQ(values("__import__('uuid').uuid4()").size(), 4U);
    EXPECT_EQ(
        values("bytes(__import__('multiprocessing.process').process.current_process().authkey)")
            .size(),
        4U);
}

TEST(WarmHeap, IsSharedButNotWritten) {
    auto options = engine_options(Kind::kWarm, 1);
    options.preload.script = "table = [1, 2, 3]";
    const auto engine = runtime::make_engine(options);
    const char* code = "import preload; preload.table.append(4); print(preload.table)";
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(run_one(*engine, job_of(code)).result.out.bytes, "[1, 2, 3, 4]\n");
}

TEST(WarmHeap, HoldsNothingOfTheCaller) {
    // What is looked for is never a whole in the program, and so not in its memory either.
    ::setenv("VITRINE_TEST_SECRET", "7e3f9a1c5b2d", 1);
    const auto engine = runtime::make_engine(engine_options(Kind::kWarm, 1));
    const auto report = run_one(*engine, job_of(R"(
import re
def search(pattern):
    found = 0
    for line in open('/proc/self/maps'):
        span, mode = line.split()[:2]
        if 'r' not in mode or '[v' in line:
            continue
        start, end = (int(x, 16) for x in span.split('-'))
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(start)
            try:
                found += len(re.findall(pattern, memory.read(end - start)))
            except OSError:
                pass
    return found
kept = ''.join(['con', 'trol', '-', 'mark']).encode()
print(search(rb'con[t]rol-[m]ark') > 0, search(rb'7e3f9[a]1c5b2d'))
)"));
    ::unsetenv("VITRINE_TEST_SECRET");
    EXPECT_EQ(report.result.out.bytes, "True 0\n") << report.result.err.bytes;
}

}  // namespace
}  // namespace vitrine::test
