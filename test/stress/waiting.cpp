// Has processes take turns with a mutex and sleep on events and semaphores, and kills them at any
// moment. Ends with a line of counts and 0, or at the first promise that was not kept with 1 and
// what was seen. run.mjs starts it beside its groups.
//
//   stress_waiting SECONDS SEED

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../dll/kernel32/fixtures.h"
#include "children.h"

namespace {

using test::Handle;
using test::Text;
using test::View;
using Clock = std::chrono::steady_clock;

// Whatever has to happen happens within so many milliseconds, on a machine that is busy, too.
constexpr DWORD kBound = 20'000;
constexpr int kChildren = 6;
constexpr LONG kTokens = 3;

struct Shared {
  std::atomic<int> inside;  // the process that has the mutex, 0 if none has
  std::atomic<uint64_t> turns;
  std::atomic<uint64_t> abandoned;
  std::atomic<int> broken;                // what a child saw: one of the lines of kBroken
  std::atomic<bool> may_hold[kChildren];  // a token of the semaphore
  std::atomic<int> ready;                 // children that own the mutex, or are about to sleep
};

constexpr const char* kBroken[] = {"",
                                   "a wait for the mutex did not end",
                                   "two processes had the mutex at once",
                                   "a process died as owner, and the next was not told",
                                   "a release of the own mutex failed",
                                   "a wait failed"};

[[noreturn]] void Break(const std::string& what) {
  fprintf(stderr, "Broken: %s (last error %u)\n", what.c_str(), GetLastError());
  exit(1);
}

struct Objects {
  explicit Objects(const Text& name)
      : mapping(test::Create(name + TEXT(" memory"), sizeof(Shared))),
        view(test::Map(mapping.get())),
        mutex(test::CreateTheMutex(name + TEXT(" mutex"))),
        event(test::CreateTheEvent(name + TEXT(" event"), /*manual_reset=*/false)),
        semaphore(test::CreateTheSemaphore(name + TEXT(" semaphore"), kTokens, kTokens)),
        never(test::CreateTheEvent(Text(), /*manual_reset=*/true)) {
    if (!view || !mutex || !event || !semaphore || !never) Break("an object cannot be made");
  }

  Shared& shared() const { return *static_cast<Shared*>(view.get()); }

  Handle mapping;
  View view;
  Handle mutex, event, semaphore, never;
};

// Waits for the object, alone or beside one that is never signalled.
DWORD Wait(const Objects& objects, HANDLE handle, bool alone, DWORD milliseconds) {
  if (alone) return WaitForSingleObject(handle, milliseconds);
  const HANDLE both[] = {objects.never.get(), handle};
  const DWORD result = WaitForMultipleObjects(2, both, FALSE, milliseconds);
  return result == WAIT_TIMEOUT || result == WAIT_FAILED ? result : result - 1;
}

class Child {
 public:
  Child(const Objects& objects, pid_t parent, int index, unsigned seed)
      : objects_(objects),
        shared_(objects.shared()),
        parent_(parent),
        index_(index),
        random_(seed) {}

  int Run(const std::string& deed) {
    if (deed == "own") {
      if (WaitForSingleObject(objects_.mutex.get(), kBound) == WAIT_FAILED) return Report(5);
      ++shared_.ready;
      while (stress::IsParent(parent_)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return 0;
    }
    const HANDLE handle = deed == "event" ? objects_.event.get() : objects_.semaphore.get();
    if (deed != "turns") {
      ++shared_.ready;
      if (Wait(objects_, handle, index_ % 2 == 0, kBound) == WAIT_OBJECT_0) ++shared_.turns;
      return 0;
    }
    while (shared_.broken == 0 && stress::IsParent(parent_)) {
      if (Below(3) == 0) TakeToken();
      const int seen = TakeTurn();
      if (seen != 0) return Report(seen);
    }
    return 0;
  }

 private:
  unsigned Below(unsigned end) { return static_cast<unsigned>(random_() % end); }

  int Report(int what) {
    int none = 0;
    shared_.broken.compare_exchange_strong(none, what);
    return 1;
  }

  int TakeTurn() {
    const DWORD patience = Below(3) == 0 ? Below(3) : kBound;
    const DWORD got = Wait(objects_, objects_.mutex.get(), Below(2) == 0, patience);
    if (got == WAIT_TIMEOUT) return patience == kBound ? 1 : 0;
    if (got != WAIT_OBJECT_0 && got != WAIT_ABANDONED) return 5;
    const int self = getpid();
    const int before = shared_.inside.exchange(self);
    if (got == WAIT_OBJECT_0 && before != 0) return 3;
    if (got == WAIT_ABANDONED) ++shared_.abandoned;
    const bool twice = Below(4) == 0;
    if (twice && WaitForSingleObject(objects_.mutex.get(), 0) != WAIT_OBJECT_0) return 5;
    for (unsigned i = Below(1000); i > 0; --i) {
      if (shared_.inside != self) return 2;
    }
    if (Below(20) == 0) std::this_thread::sleep_for(std::chrono::microseconds(Below(2000)));
    if (twice && !ReleaseMutex(objects_.mutex.get())) return 4;
    ++shared_.turns;
    int expected = self;
    if (!shared_.inside.compare_exchange_strong(expected, 0)) return 2;
    return ReleaseMutex(objects_.mutex.get()) ? 0 : 4;
  }

  void TakeToken() {
    shared_.may_hold[index_] = true;
    if (Wait(objects_, objects_.semaphore.get(), Below(2) == 0, Below(5)) == WAIT_OBJECT_0) {
      if (!ReleaseSemaphore(objects_.semaphore.get(), 1, nullptr)) Report(5);
    }
    shared_.may_hold[index_] = false;
  }

  const Objects& objects_;
  Shared& shared_;
  const pid_t parent_;
  const int index_;
  std::mt19937 random_;
};

class Parent {
 public:
  Parent(std::string program, unsigned seconds, unsigned seed)
      : program_(std::move(program)),
        end_(Clock::now() + std::chrono::seconds(seconds)),
        random_(seed) {}

  void Run() {
    while (Clock::now() < end_) {
      name_ = std::to_string(getpid()) + "-" + std::to_string(++episodes_);
      const Objects objects(Text(TEXT("waiting stress ")) + Text(name_.begin(), name_.end()));
      TakeTurns(objects);
      for (int i = 0; i < 100; ++i) KillOwner(objects);
      KillSleepers(objects, "event", objects.event.get(), [&] { SetEvent(objects.event.get()); });
      while (WaitForSingleObject(objects.semaphore.get(), 0) == WAIT_OBJECT_0) {
      }
      KillSleepers(objects, "semaphore", objects.semaphore.get(),
                   [&] { ReleaseSemaphore(objects.semaphore.get(), 1, nullptr); });
    }
    std::sort(latencies_.begin(), latencies_.end());
    const double median = latencies_.empty() ? 0 : latencies_[latencies_.size() / 2];
    if (median > 100) Break("dead owners are seen after " + std::to_string(median) + " ms");
    printf(
        "%llu episodes, %llu killed, %llu turns, %llu abandoned, %zu owners killed, seen after "
        "%.1f ms in the median and %.1f at most\n",
        episodes_, kills_, turns_, abandoned_, latencies_.size(), median,
        latencies_.empty() ? 0 : latencies_.back());
  }

 private:
  unsigned Below(unsigned end) { return static_cast<unsigned>(random_() % end); }

  pid_t Start(const char* deed, int index) {
    const pid_t pid = stress::StartChild(
        program_, {deed, name_, std::to_string(index), std::to_string(random_())});
    if (pid == 0) Break("no process can be started");
    return pid;
  }

  // Returns whether it had not ended by itself.
  bool Kill(pid_t pid) {
    const int status = stress::KillChild(pid);
    ++kills_;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
      Break("a process ended with signal " + std::to_string(WTERMSIG(status)));
    }
    return WIFSIGNALED(status);
  }

  void AwaitReady(const Objects& objects, int count) {
    const auto end = Clock::now() + std::chrono::milliseconds(kBound);
    while (objects.shared().ready < count) {
      if (Clock::now() > end) Break("a process does not get so far");
      std::this_thread::yield();
    }
  }

  // Children take the mutex and the semaphore in turns, and are killed and replaced.
  void TakeTurns(const Objects& objects) {
    Shared& shared = objects.shared();
    pid_t children[kChildren];
    for (int i = 0; i < kChildren; ++i) children[i] = Start("turns", i);
    LONG lost = 0;
    for (int round = 0; round < 30; ++round) {
      std::this_thread::sleep_for(std::chrono::microseconds(Below(8000)));
      const int victim = static_cast<int>(Below(kChildren));
      const bool was_killed = Kill(children[victim]);
      if (shared.broken != 0) Break(kBroken[shared.broken]);
      if (!was_killed) Break("a process ended by itself");
      if (shared.may_hold[victim].exchange(false)) ++lost;
      children[victim] = Start("turns", victim);
    }
    for (int i = 0; i < kChildren; ++i) {
      Kill(children[i]);
      if (shared.may_hold[i].exchange(false)) ++lost;
    }
    if (shared.broken != 0) Break(kBroken[shared.broken]);
    turns_ += shared.turns.exchange(0);
    abandoned_ += shared.abandoned.exchange(0);
    const DWORD got = WaitForSingleObject(objects.mutex.get(), kBound);
    const bool died_inside = shared.inside.exchange(0) != 0;
    if (got != WAIT_ABANDONED && (got != WAIT_OBJECT_0 || died_inside)) Break(kBroken[3]);
    ReleaseMutex(objects.mutex.get());
    LONG left = 0;
    while (WaitForSingleObject(objects.semaphore.get(), 0) == WAIT_OBJECT_0) ++left;
    if (left > kTokens || left < kTokens - lost) {
      Break("the semaphore has " + std::to_string(left) + " tokens, and " + std::to_string(lost) +
            " may be lost");
    }
    ReleaseSemaphore(objects.semaphore.get(), kTokens, nullptr);
  }

  // A child is killed as owner, while a thread of this process sleeps or is about to.
  void KillOwner(const Objects& objects) {
    objects.shared().ready = 0;
    const pid_t owner = Start("own", 0);
    AwaitReady(objects, 1);
    DWORD got = WAIT_FAILED;
    Clock::time_point seen;
    std::thread sleeper([&, alone = Below(2) == 0] {
      got = Wait(objects, objects.mutex.get(), alone, kBound);
      seen = Clock::now();
      ReleaseMutex(objects.mutex.get());
    });
    std::this_thread::sleep_for(std::chrono::microseconds(Below(3000)));
    Kill(owner);
    const auto died = Clock::now();
    sleeper.join();
    if (got != WAIT_ABANDONED) Break("a killed owner was seen as " + std::to_string(got));
    if (WaitForSingleObject(objects.mutex.get(), 0) != WAIT_OBJECT_0) {
      Break("the mutex was lost after its killed owner");
    }
    ReleaseMutex(objects.mutex.get());
    const std::chrono::duration<double, std::milli> latency = seen - died;
    latencies_.push_back(std::max(latency.count(), 0.0));
  }

  // Some sleepers are killed: the others all wake, and afterwards the dead count no more.
  template <typename Signal>
  void KillSleepers(const Objects& objects, const char* deed, HANDLE handle, Signal signal) {
    Shared& shared = objects.shared();
    shared.ready = 0;
    shared.turns = 0;
    std::vector<pid_t> sleepers;
    for (int i = 0; i < kChildren; ++i) sleepers.push_back(Start(deed, i));
    AwaitReady(objects, kChildren);
    std::this_thread::sleep_for(std::chrono::microseconds(Below(5000)));
    for (int i = 0; i < kChildren / 2; ++i) {
      Kill(sleepers.back());
      sleepers.pop_back();
    }
    const auto end = Clock::now() + std::chrono::milliseconds(kBound);
    while (shared.turns < sleepers.size()) {
      signal();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      if (Clock::now() > end) Break(std::string("a sleeper was left behind at the ") + deed);
    }
    for (const pid_t pid : sleepers) waitpid(pid, nullptr, 0);
    while (WaitForSingleObject(handle, 0) == WAIT_OBJECT_0) {
    }
    // Nobody is asleep.
    signal();
    if (WaitForSingleObject(handle, 0) != WAIT_OBJECT_0) Break("a signal was lost to the dead");
    if (WaitForSingleObject(handle, 0) != WAIT_TIMEOUT) Break("a signal was there twice");
  }

  const std::string program_;
  const Clock::time_point end_;
  std::mt19937 random_;
  std::string name_;
  unsigned long long episodes_ = 0, kills_ = 0, turns_ = 0, abandoned_ = 0;
  std::vector<double> latencies_;
};

}  // namespace

int main(int argc, char* argv[]) {
  if (argc == 7 && std::string(argv[1]) == "--child") {
    const std::string name = argv[4];
    const Objects objects(Text(TEXT("waiting stress ")) + Text(name.begin(), name.end()));
    return Child(objects, atoi(argv[2]), atoi(argv[5]),
                 static_cast<unsigned>(strtoul(argv[6], nullptr, 10)))
        .Run(argv[3]);
  }
  if (argc != 3) return 2;
  Parent(argv[0], static_cast<unsigned>(atoi(argv[1])), static_cast<unsigned>(atoi(argv[2]))).Run();
  return 0;
}
