// Threads that create, open and close at the same moment.

#include <stdlib.h>

#include <atomic>
#include <chrono>

#include "child.h"
#include "fixtures.h"
#include "test.h"
#include "threads.h"

using namespace test;

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 200;

// Where the threads wait for each other.
class Barrier {
 public:
  void Wait() {
    const int round = round_;
    if (++waiting_ == kThreads) {
      waiting_ = 0;
      ++round_;
      return;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
    while (round_ == round) {
      if (std::chrono::steady_clock::now() > deadline) abort();
      YieldThread();
    }
  }

 private:
  std::atomic<int> waiting_{0};
  std::atomic<int> round_{0};
};

std::atomic<int>& IntegerAt(const View& view, SIZE_T index) {
  return static_cast<std::atomic<int>*>(view.get())[index];
}

}  // namespace

TEST("Of threads that create one name at once exactly one is the first") {
  const Text name = UniqueName();
  Barrier barrier;
  std::atomic<int> firsts{0}, others{0};
  RunInThreads(kThreads, [&](int) {
    for (int round = 0; round < kRounds; ++round) {
      barrier.Wait();
      const HANDLE created = Create(name);
      const DWORD error = GetLastError();
      const Handle mapping(created);
      firsts += mapping && error == ERROR_SUCCESS;
      others += mapping && error == ERROR_ALREADY_EXISTS;
      barrier.Wait();  // until all have created, and none has closed
    }
  });
  EXPECT_EQ(firsts, kRounds);
  EXPECT_EQ(others, kRounds * (kThreads - 1));
}

TEST("Threads that create one name at once share one memory and lose no write") {
  const Text name = UniqueName();
  Barrier barrier;
  std::atomic<int> complete{0};
  RunInThreads(kThreads, [&](int thread) {
    for (int round = 1; round <= kRounds; ++round) {
      barrier.Wait();
      const Handle mapping(Create(name));
      const View view(Map(mapping.get()));
      if (view) IntegerAt(view, static_cast<SIZE_T>(thread)) = round;
      barrier.Wait();
      bool all = static_cast<bool>(view);
      for (SIZE_T i = 0; all && i < kThreads; ++i) all = IntegerAt(view, i) == round;
      complete += all;
    }
  });
  EXPECT_EQ(complete, kThreads * kRounds);
}

TEST("Threads that attach and detach at will lose no write while one stays attached") {
  const Text name = UniqueName();
  const Handle anchor(Create(name));
  RunInThreads(kThreads, [&](int) {
    for (int round = 0; round < kRounds; ++round) {
      const Handle mapping(Create(name));
      const View view(Map(mapping.get()));
      if (view) ++IntegerAt(view, 0);
    }
  });
  const View view(Map(anchor.get()));
  REQUIRE(view);
  EXPECT_EQ(IntegerAt(view, 0), kThreads * kRounds);
}

TEST("Threads that attach and detach at will find zeroed memory whenever they are the first") {
  const Text name = UniqueName();
  std::atomic<int> failures{0}, stale{0}, unexpected{0};
  RunInThreads(kThreads, [&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      const HANDLE created = Create(name);
      const DWORD error = GetLastError();
      const Handle mapping(created);
      const View view(Map(mapping.get()));
      failures += !view;
      unexpected += error != ERROR_SUCCESS && error != ERROR_ALREADY_EXISTS;
      if (!view) continue;
      // Nobody else writes there, so what is not zero is from an object that is gone.
      std::atomic<int>& own = IntegerAt(view, static_cast<SIZE_T>(thread));
      stale += error == ERROR_SUCCESS && own != 0;
      own = 1;
    }
  });
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(unexpected, 0);
  EXPECT_EQ(stale, 0);
}

TEST("OpenFileMappingW beside a creator finds a whole object or none") {
  const Text name = UniqueName();
  std::atomic<int> unexpected{0}, broken{0};
  RunInThreads(kThreads, [&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      if (thread == 0) {
        const Handle mapping(Create(name, 2 * PageSize()));
        const View view(Map(mapping.get()));
        if (view) IntegerAt(view, 0) = 42;
        continue;
      }
      const HANDLE opened = Open(name);
      const DWORD error = GetLastError();
      const Handle mapping(opened);
      unexpected += !mapping && error != ERROR_FILE_NOT_FOUND;
      if (!mapping) continue;
      const View view(Map(mapping.get(), FILE_MAP_READ, /*offset=*/0, 2 * PageSize()));
      broken += !view;
      if (!view) continue;
      const int value = IntegerAt(view, 0);
      broken += value != 0 && value != 42;
    }
  });
  EXPECT_EQ(unexpected, 0);
  EXPECT_EQ(broken, 0);
}

TEST("Threads that use names of their own do not meet") {
  const Text name = UniqueName();
  std::atomic<int> surprises{0};
  RunInThreads(kThreads, [&](int thread) {
    const Text own = name + static_cast<WCHAR>('a' + thread);
    for (int round = 0; round < kRounds; ++round) {
      const HANDLE created = Create(own);
      surprises += GetLastError() != ERROR_SUCCESS;
      const Handle mapping(created);
      const View view(Map(mapping.get()));
      surprises += !view || IntegerAt(view, 0) != 0;
      if (view) IntegerAt(view, 0) = 1;
    }
  });
  EXPECT_EQ(surprises, 0);
}
