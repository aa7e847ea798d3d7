// Has eight processes write the shared text, eight read it and two watch it, and kills and stops
// them at any moment. Ends with a line of counts and 0, or at the first promise that was not kept
// with 1 and what was seen. run.mjs starts it.
//
//   stress_text SECONDS SEED

#include <dllmemfilemap.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../../dll/examples/text_slot.h"
#include "../dll/kernel32/fixtures.h"
#include "children.h"

namespace {

using test::Handle;
using test::Text;
using test::View;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Whatever has to happen happens within so many milliseconds, on a machine that is busy, too.
constexpr DWORD kBound = 20'000;
constexpr int kWriters = 8, kReaders = 8, kWatchers = 2;
constexpr int kChildren = kWriters + kReaders + kWatchers;
constexpr unsigned kDisturbances = 30;  // a round

enum Phase { kWork, kRest, kSetLast, kSeeLast };

struct Shared {
  std::atomic<int> phase;
  std::atomic<unsigned> last;        // the number of the text of which nobody writes another
  std::atomic<int> last_writer;      // who writes it
  std::atomic<int> done[kChildren];  // the phase that each has come to
  std::atomic<uint64_t> sets, reads, wakes, longest_set, longest_get;  // in microseconds
  std::atomic<int> broken;  // what a child saw: one of the lines of kBroken
};

constexpr const char* kBroken[] = {"", "a text was a mixture", "the last text was lost",
                                   "a watcher was not woken", "a watcher got no slot"};

[[noreturn]] void Break(const std::string& what) {
  fprintf(stderr, "Broken: %s\n", what.c_str());
  exit(1);
}

// Texts of one character each, which tells how many there have to be.
WCHAR CharacterOf(unsigned number) { return static_cast<WCHAR>(0x100 + number % 0x4000); }
size_t LengthOf(WCHAR character) { return 1 + character * 2654435761u % 2047; }
Text TextOf(unsigned number) { return Text(LengthOf(CharacterOf(number)), CharacterOf(number)); }

bool IsWhole(const WCHAR* text) {
  const size_t length = LengthOf(*text);
  for (size_t i = 0; i < length; ++i) {
    if (text[i] != *text) return *text == 0;
  }
  return text[length] == 0;
}

void Raise(std::atomic<uint64_t>* most, Clock::duration taken) {
  const auto now = static_cast<uint64_t>(std::chrono::duration_cast<microseconds>(taken).count());
  uint64_t before = *most;
  while (before < now && !most->compare_exchange_weak(before, now)) {
  }
}

class Child {
 public:
  Child(Shared* shared, pid_t parent, int index, unsigned seed)
      : shared_(*shared), parent_(parent), index_(index), random_(seed) {}

  int Run() {
    if (index_ >= kWriters + kReaders) slot_.emplace();
    if (slot_ && !slot_->is_taken()) return Report(4);
    while (shared_.broken == 0 && stress::IsParent(parent_)) {
      const int phase = shared_.phase;
      if (phase == kWork && !Work()) return 1;
      if (phase != kWork && shared_.done[index_] != phase && !Do(phase)) return 1;
      if (phase != kWork) std::this_thread::sleep_for(milliseconds(1));
      shared_.done[index_] = phase;
    }
    return 0;
  }

 private:
  int Report(int what) {
    int none = 0;
    shared_.broken.compare_exchange_strong(none, what);
    return 1;
  }

  bool Work() {
    if (index_ < kWriters) {
      Set(static_cast<unsigned>(random_()));
      return true;
    }
    if (slot_ && slot_->Wait(50)) ++shared_.wakes;
    return IsWhole(Get()) || Report(1) == 0;
  }

  // What a phase asks of a child once.
  bool Do(int phase) {
    if (phase == kSetLast && shared_.last_writer == index_) Set(shared_.last);
    if (phase != kSeeLast) return true;
    const Text last = TextOf(shared_.last);
    while (slot_ && Get() != last) {
      if (!slot_->Wait(kBound)) return Report(3) == 0;
    }
    return Get() == last || Report(2) == 0;
  }

  void Set(unsigned number) {
    Text text = TextOf(number);
    const Clock::time_point start = Clock::now();
    SetSharedMem(text.data());
    Raise(&shared_.longest_set, Clock::now() - start);
    ++shared_.sets;
  }

  const WCHAR* Get() {
    const Clock::time_point start = Clock::now();
    GetSharedMem(buffer_, SHMEMSIZE);
    Raise(&shared_.longest_get, Clock::now() - start);
    ++shared_.reads;
    return buffer_;
  }

  Shared& shared_;
  const pid_t parent_;
  const int index_;
  std::mt19937 random_;
  std::optional<TextSlot> slot_;  // a watcher's
  WCHAR buffer_[SHMEMSIZE];
};

class Parent {
 public:
  Parent(std::string program, unsigned seconds, unsigned seed)
      : program_(std::move(program)),
        name_(std::to_string(getpid())),
        end_(Clock::now() + std::chrono::seconds(seconds)),
        random_(seed),
        mapping_(
            test::Create(TEXT("text stress ") + Text(name_.begin(), name_.end()), sizeof(Shared))),
        view_(test::Map(mapping_.get())) {
    if (!view_) Break("an object cannot be made");
  }

  void Run() {
    for (int i = 0; i < kChildren; ++i) Start(i);
    unsigned rounds = 0;
    for (; Clock::now() < end_; ++rounds) {
      for (unsigned i = 0; i < kDisturbances; ++i) Disturb();
      for (int i = 0; i < kChildren; ++i) Continue(i);
      Await(kRest);
      shared().last = static_cast<unsigned>(random_());
      shared().last_writer = static_cast<int>(Below(kWriters));
      Await(kSetLast);
      Await(kSeeLast);
      shared().phase = kWork;
    }
    for (int i = 0; i < kChildren; ++i) Kill(i);
    printf(
        "%u rounds, %u killed, %u stopped, %llu texts written, %llu read, %llu wake-ups, the "
        "longest writing %.1f ms and reading %.1f\n",
        rounds, kills_, stops_, Count(shared().sets), Count(shared().reads), Count(shared().wakes),
        static_cast<double>(shared().longest_set) / 1000,
        static_cast<double>(shared().longest_get) / 1000);
  }

 private:
  struct Process {
    pid_t pid;
    bool is_stopped;
  };

  static unsigned long long Count(uint64_t count) { return count; }
  unsigned Below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  Shared& shared() const { return *static_cast<Shared*>(view_.get()); }

  void Start(int index) {
    shared().done[index] = -1;
    const pid_t pid =
        stress::StartChild(program_, {name_, std::to_string(index), std::to_string(random_())});
    if (pid == 0) Break("no process can be started");
    children_[index] = {pid, /*is_stopped=*/false};
  }

  void Kill(int index) {
    const int status = stress::KillChild(children_[index].pid);
    if (shared().broken != 0) Break(kBroken[shared().broken]);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) Break("a process ended by itself");
    ++kills_;
  }

  void Continue(int index) {
    if (!children_[index].is_stopped) return;
    kill(children_[index].pid, SIGCONT);
    children_[index].is_stopped = false;
  }

  void Disturb() {
    std::this_thread::sleep_for(microseconds(Below(15'000)));
    if (shared().broken != 0) Break(kBroken[shared().broken]);
    const int victim = static_cast<int>(Below(kChildren));
    if (children_[victim].is_stopped) {
      Continue(victim);
    } else if (Below(2) == 0) {
      kill(children_[victim].pid, SIGSTOP);
      children_[victim].is_stopped = true;
      ++stops_;
    } else {
      Kill(victim);
      Start(victim);
    }
  }

  // Waits until all have come to the phase.
  void Await(Phase phase) {
    shared().phase = phase;
    const auto end = Clock::now() + milliseconds(2 * kBound);
    for (int i = 0; i < kChildren; ++i) {
      while (shared().done[i] != phase) {
        if (shared().broken != 0) Break(kBroken[shared().broken]);
        if (Clock::now() > end) Break("process " + std::to_string(i) + " does not get so far");
        std::this_thread::sleep_for(microseconds(200));
      }
    }
  }

  const std::string program_, name_;
  const Clock::time_point end_;
  std::mt19937 random_;
  const Handle mapping_;
  const View view_;
  Process children_[kChildren];
  unsigned kills_ = 0, stops_ = 0;
};

}  // namespace

int main(int argc, char* argv[]) {
  if (argc == 6 && std::string(argv[1]) == "--child") {
    const std::string name = argv[3];
    const Handle mapping(
        test::Create(TEXT("text stress ") + Text(name.begin(), name.end()), sizeof(Shared)));
    const View view(test::Map(mapping.get()));
    return Child(static_cast<Shared*>(view.get()), atoi(argv[2]), atoi(argv[4]),
                 static_cast<unsigned>(strtoul(argv[5], nullptr, 10)))
        .Run();
  }
  if (argc != 3) return 2;
  Parent(argv[0], static_cast<unsigned>(atoi(argv[1])), static_cast<unsigned>(atoi(argv[2]))).Run();
  return 0;
}
