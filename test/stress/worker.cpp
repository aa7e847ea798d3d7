// One of the processes of "npm run stress", which does what run.mjs tells it, checks what it sees,
// and answers "broken" and what it saw if a promise was not kept. worker.mjs is the same in Node.
//
//   stress_worker NUMBER SLOT SEED LIBRARY
//
// NUMBER is no other worker's, SLOT no other living worker's. Texts, LIBRARY's too, travel as in
// test/fixture/protocol.h.

#include <dllmemfilemap.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "../dll/kernel32/fixtures.h"
#include "../dll/kernel32/threads.h"
#include "../fixture/protocol.h"
#include "memory.h"

namespace {

using stress::Broken;
using stress::Memory;
using test::Handle;
using test::Text;
using test::ToText;
using test::View;
using Clock = std::chrono::steady_clock;

constexpr int kThreads = 2;

uint32_t number;
unsigned slot;
uint32_t seed;
Text library;

// What was done, as run.mjs adds it up.
struct Counts {
  uint64_t created = 0, joined = 0, opened = 0, missing = 0, attached = 0, visits = 0;
  uint64_t longest = 0;  // call, in microseconds

  void Add(const Counts& other) {
    created += other.created;
    joined += other.joined;
    opened += other.opened;
    missing += other.missing;
    attached += other.attached;
    visits += other.visits;
    longest = std::max(longest, other.longest);
  }

  std::string ToString() const {
    std::ostringstream text;
    text << created << ' ' << joined << ' ' << opened << ' ' << missing << ' ' << attached << ' '
         << visits << ' ' << longest;
    return text.str();
  }
};

std::string Narrow(const Text& text) { return std::string(text.begin(), text.end()); }

// One thread's work.
class Work {
 private:
  template <typename Function>
  Function Call(HMODULE module, const char* name) {
    const FARPROC address = GetProcAddress(module, name);
    if (!address) Fail(name);
    return reinterpret_cast<Function>(reinterpret_cast<void*>(address));
  }

  template <typename Call>
  auto Timed(Call call) {
    const auto start = Clock::now();
    SetLastError(ERROR_SUCCESS);
    const auto result = call();
    error_ = GetLastError();
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    counts_.longest = std::max(counts_.longest, static_cast<uint64_t>(time.count()));
    return result;
  }

  [[noreturn]] void Fail(const std::string& call) const {
    throw Broken{call + " failed with " + std::to_string(error_)};
  }

 public:
  explicit Work(unsigned thread) : slot_(slot * kThreads + thread), random_(seed + thread) {}

  // Since the last time.
  Counts TakeCounts() { return std::exchange(counts_, Counts()); }

  unsigned Random(unsigned end) { return static_cast<unsigned>(random_() % end); }

  // Null if there is no such object.
  Handle Open(const Text& name, DWORD access) {
    Handle handle(Timed([&] { return test::Open(name, access); }));
    if (handle) {
      ++counts_.opened;
    } else if (error_ == ERROR_FILE_NOT_FOUND) {
      ++counts_.missing;
    } else {
      Fail("OpenFileMappingW of " + Narrow(name));
    }
    return handle;
  }

  Handle Create(const Text& name, uint64_t size, bool* created) {
    Handle handle(Timed([&] { return test::Create(name, size); }));
    if (!handle || (error_ != ERROR_SUCCESS && error_ != ERROR_ALREADY_EXISTS)) {
      Fail("CreateFileMappingW of " + Narrow(name));
    }
    *created = error_ == ERROR_SUCCESS;
    ++(*created ? counts_.created : counts_.joined);
    return handle;
  }

  View Map(const Handle& handle, DWORD access) {
    View view(Timed([&] { return test::Map(handle.get(), access); }));
    if (!view) Fail("MapViewOfFile");
    return view;
  }

  void Close(Handle handle) {
    if (!Timed([&] { return handle.Close(); })) Fail("CloseHandle");
  }

  void Unmap(View view) {
    if (!Timed([&] { return UnmapViewOfFile(view.Release()); })) Fail("UnmapViewOfFile");
  }

  // Makes this the owner of an object that it created, or looks at one that it found. Returns the
  // owner, or 0 if there is none.
  uint32_t Enter(const Memory& memory, bool created) {
    if (!created) return memory.Check();
    const uint32_t owner = Memory::OwnerNumber(number, ++claims_ * kThreads + slot_ % kThreads);
    memory.Claim(owner);
    return owner;
  }

  // Counts a visit in this thread's slot. Returns the slot's count.
  uint32_t Visit(const Memory& memory) const { return ++memory.slot(slot_); }
  void ReportVisit() { ++counts_.visits; }

  // Requires that the name stands for the very memory that this thread holds, and visited last.
  void RequireSame(const Text& name, uint64_t size, uint32_t owner, uint32_t visit) {
    bool created = false;
    Handle handle =
        Random(2) == 0 ? Create(name, size, &created) : Open(name, FILE_MAP_READ | FILE_MAP_WRITE);
    if (!handle || created) {
      throw Broken{Narrow(name) + (created ? " was created" : " was not found") +
                   " while this process held it"};
    }
    View view = Map(handle, FILE_MAP_READ);
    const Memory memory(view.get());
    if (owner != 0 && (memory.Check() != owner || memory.slot(slot_) != visit)) {
      throw Broken{Narrow(name) + " became other memory while this process held it: the owner is " +
                   std::to_string(memory.owner()) + " instead of " + std::to_string(owner) +
                   ", and its own visits " + std::to_string(memory.slot(slot_)) + " instead of " +
                   std::to_string(visit)};
    }
    Leave(std::move(handle), std::move(view));
  }

  void Leave(Handle handle, View view) {
    const bool close_first = Random(2) == 0;
    if (close_first) Close(std::move(handle));
    Unmap(std::move(view));
    if (!close_first) Close(std::move(handle));
  }

  void LoadAndFree(const std::vector<WCHAR>& text, bool is_held) {
    const HMODULE module = Timed([] { return LoadLibraryW(library.c_str()); });
    if (!module) Fail("LoadLibraryW");
    ++counts_.attached;
    WCHAR found[SHMEMSIZE / sizeof(WCHAR)];
    Call<decltype(&GetSharedMem)>(module, "GetSharedMem")(found, SHMEMSIZE / sizeof(WCHAR));
    const Text expected(text.data()), seen(found);
    // Where everybody writes, a text may be partly one's and partly another's.
    if (is_held ? seen != expected : seen.find_first_not_of(expected[0]) != seen.npos) {
      throw Broken{"The DLL's text is " + HexFromText(found) + " instead of " +
                   HexFromText(text.data()) + (is_held ? "" : " or a part of it")};
    }
    if (!is_held) {
      Text own = expected.substr(0, Random(static_cast<unsigned>(expected.size())));
      Call<decltype(&SetSharedMem)>(module, "SetSharedMem")(own.data());
    }
    if (!Timed([&] { return FreeLibrary(module); })) Fail("FreeLibrary");
  }

 private:
  const unsigned slot_;
  std::mt19937 random_;
  uint32_t claims_ = 0;
  DWORD error_ = 0;
  Counts counts_;
};

struct Names {
  Text base;
  unsigned count = 0;
  uint64_t size = 0;

  explicit Names(std::istringstream& words) {
    std::string hex;
    words >> hex >> count >> size;
    base = TextFromHex<WCHAR>(hex).data();
  }

  Text operator[](unsigned i) const { return base + ToText(i); }
};

// What this process holds from one command to the next.
struct Held {
  Text name;
  uint64_t size;
  bool created;
  uint32_t owner;
  uint32_t visit;
  Handle handle;
  View view;
};

std::vector<Held> held;

Work& MainThread() {
  static Work work(/*thread=*/0);
  return work;
}

// Creates all names, one after the other, and keeps them. Answers for each whether it created it,
// and which worker is the owner: 0 if it has none yet.
std::string Race(std::istringstream& words) {
  const Names names(words);
  std::string answer = "ok ", owners;
  for (unsigned i = 0; i < names.count; ++i) {
    bool created;
    Handle handle = MainThread().Create(names[i], names.size, &created);
    View view = MainThread().Map(handle, FILE_MAP_ALL_ACCESS);
    const uint32_t owner = MainThread().Enter(Memory(view.get()), created);
    held.push_back({names[i], names.size, created, owner, 0, std::move(handle), std::move(view)});
    answer += created ? 'c' : 'j';
    owners += ' ' + std::to_string(Memory::WorkerOf(owner));
  }
  return answer + owners;
}

// After all are through with the race: waits until each object's owner has filled it, and visits
// it.
std::string Settle() {
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  for (Held& each : held) {
    const Memory memory(each.view.get());
    while (!memory.is_filled()) {
      if (Clock::now() > deadline) throw Broken{Narrow(each.name) + " has no living owner"};
      test::YieldThread();
    }
    each.owner = memory.Check();
    each.visit = MainThread().Visit(memory);
  }
  return "ok";
}

// Requires that what this process holds is what all the slots visited, and has its name.
std::string Verify(std::istringstream& words) {
  std::vector<size_t> visitors;
  for (size_t visitor; words >> visitor;) visitors.push_back(visitor * kThreads);
  for (const Held& each : held) {
    const Memory memory(each.view.get());
    MainThread().RequireSame(each.name, each.size, each.owner, each.visit);
    for (const size_t visitor : visitors) {
      if (memory.slot(visitor) == 0) {
        throw Broken{Narrow(each.name) + ": what the worker in slot " +
                     std::to_string(visitor / kThreads) + " wrote is not there"};
      }
    }
  }
  return "ok";
}

// Adds up all visits to what this process holds.
std::string Sum() {
  uint64_t sum = 0;
  for (const Held& each : held) {
    const Memory memory(each.view.get());
    for (size_t i = 0; i < Memory::kSlots; ++i) sum += memory.slot(i);
  }
  return "ok " + std::to_string(sum);
}

std::string Drop() {
  for (Held& each : held) MainThread().Leave(std::move(each.handle), std::move(each.view));
  held.clear();
  return "ok";
}

// Requires that none of the names is there.
std::string Absent(std::istringstream& words) {
  const Names names(words);
  for (unsigned i = 0; i < names.count; ++i) {
    if (MainThread().Open(names[i], FILE_MAP_READ)) {
      throw Broken{Narrow(names[i]) + " is there although nobody holds it"};
    }
  }
  return "ok";
}

void VisitOne(Work* work, const Names& names, bool all_are_held) {
  const Text name = names[work->Random(names.count)];
  const bool only_reads = work->Random(4) == 0;
  bool created = false;
  Handle handle = only_reads             ? work->Open(name, FILE_MAP_READ)
                  : work->Random(3) == 0 ? work->Open(name, FILE_MAP_READ | FILE_MAP_WRITE)
                                         : work->Create(name, names.size, &created);
  if (all_are_held && (!handle || created)) {
    throw Broken{Narrow(name) + (created ? " was created" : " was not found") +
                 " while a living process held it"};
  }
  if (!handle) return;
  if (!created && work->Random(4) == 0) return work->Close(std::move(handle));
  View view = work->Map(handle, only_reads ? FILE_MAP_READ : FILE_MAP_ALL_ACCESS);
  const Memory memory(view.get());
  const uint32_t owner = work->Enter(memory, created);
  if (all_are_held && (owner == 0 || !memory.is_filled())) {
    throw Broken{Narrow(name) + " lost its contents while a living process held it"};
  }
  if (only_reads || owner == 0) {
    if (work->Random(2) == 0) work->RequireSame(name, names.size, /*owner=*/0, /*visit=*/0);
  } else {
    const uint32_t visit = work->Visit(memory);
    work->ReportVisit();
    for (unsigned i = work->Random(3); i > 0; --i) {
      work->RequireSame(name, names.size, owner, visit);
    }
  }
  work->Leave(std::move(handle), std::move(view));
}

// Repeats something in all threads for so many milliseconds. Answers what was done.
template <typename Body>
std::string Repeat(unsigned milliseconds, Body body) {
  static std::vector<Work> works = [] {
    std::vector<Work> all;
    for (unsigned thread = 0; thread < kThreads; ++thread) all.emplace_back(thread);
    return all;
  }();
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  std::string broken[kThreads];
  test::RunInThreads(kThreads, [&](int thread) {
    try {
      do body(&works[static_cast<size_t>(thread)]);
      while (Clock::now() < end);
    } catch (const Broken& promise) {
      broken[thread] = promise.what;
    }
  });
  for (const std::string& what : broken) {
    if (!what.empty()) throw Broken{what};
  }
  Counts counts = MainThread().TakeCounts();
  for (Work& work : works) counts.Add(work.TakeCounts());
  return "ok " + counts.ToString();
}

std::string Execute(const std::string& command, std::istringstream& words) {
  if (command == "race") return Race(words);
  if (command == "settle") return Settle();
  if (command == "verify") return Verify(words);
  if (command == "sum") return Sum();
  if (command == "drop") return Drop();
  if (command == "absent") return Absent(words);
  if (command == "visit") {
    unsigned milliseconds = 0;
    bool all_are_held = false;
    words >> milliseconds >> all_are_held;
    const Names names(words);
    return Repeat(milliseconds, [&](Work* work) { VisitOne(work, names, all_are_held); });
  }
  if (command == "load") {
    unsigned milliseconds = 0;
    bool held_by_another = false;
    std::string hex;
    words >> milliseconds >> held_by_another >> hex;
    const std::vector<WCHAR> text = TextFromHex<WCHAR>(hex);
    return Repeat(milliseconds, [&](Work* work) { work->LoadAndFree(text, held_by_another); });
  }
  return "unknown command";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  number = static_cast<uint32_t>(strtoul(argv[1], nullptr, 10));
  slot = static_cast<unsigned>(strtoul(argv[2], nullptr, 10));
  seed = static_cast<uint32_t>(strtoul(argv[3], nullptr, 10));
  library = TextFromHex<WCHAR>(argv[4]).data();
  return Serve([](const std::string& command, std::istringstream& words) -> std::string {
    try {
      return Execute(command, words);
    } catch (const Broken& promise) {
      return "broken " + promise.what;
    }
  });
}
