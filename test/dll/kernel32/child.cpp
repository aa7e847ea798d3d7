#include "child.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>

#include "test.h"
#include "threads.h"

namespace test {

// What both processes see, in the memory that the child's second argument names.
struct Exchange {
  enum Stage : int { kStarting, kReady, kEnding };
  std::atomic<int> stage;
  WCHAR object[MAX_PATH + 1];
  DWORD argument_count;
  WCHAR arguments[1000];  // each with its terminator
};

namespace {

template <typename Condition>
bool WaitFor(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    YieldThread();
  }
  return true;
}

// The handle of the new process, or null.
HANDLE StartThisProgram(const Text& arguments) {
  Text command_line = TEXT("\"") + ProgramPath() + TEXT("\" ") + arguments;
  STARTUPINFOW startup = {};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION process = {};
  if (!CreateProcessW(/*lpApplicationName=*/nullptr, command_line.data(),
                      /*lpProcessAttributes=*/nullptr, /*lpThreadAttributes=*/nullptr,
                      /*bInheritHandles=*/TRUE, /*dwCreationFlags=*/0, /*lpEnvironment=*/nullptr,
                      /*lpCurrentDirectory=*/nullptr, &startup, &process)) {
    return nullptr;
  }
  CloseHandle(process.hThread);
  return process.hProcess;
}

// Does what the arguments say with a synchronisation object. Returns whether that worked.
bool Do(const Text& deed, LPCWSTR name) {
  // Left open, as above.
  if (deed == TEXT("owns")) {
    return WaitForSingleObject(OpenMutexW(SYNCHRONIZE, FALSE, name), kPatience) == WAIT_OBJECT_0;
  }
  if (deed == TEXT("sets")) return SetEvent(OpenEventW(EVENT_MODIFY_STATE, FALSE, name));
  if (deed == TEXT("posts")) {
    return ReleaseSemaphore(OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, FALSE, name), 1, nullptr);
  }
  return true;
}

}  // namespace

Child::Child(const Text& arguments, const Text& object)
    : mapping_(nullptr), view_(nullptr), process_(nullptr) {
  const Text name = UniqueName(TEXT("child"));
  mapping_ = Handle(Create(name));
  view_ = View(Map(mapping_.get()));
  if (!view_) return;
  std::copy(object.begin(), object.end(), exchange()->object);
  process_ = Handle(StartThisProgram(TEXT("--child ") + name + TEXT(" ") + arguments));
}

Child::~Child() {
  if (view_) End();
}

bool Child::IsReady() const {
  return process_ && WaitFor([this] { return exchange()->stage != Exchange::kStarting; });
}

bool Child::End() {
  exchange()->stage = Exchange::kEnding;
  return WaitForSingleObject(process_.get(), kPatience) == WAIT_OBJECT_0;
}

std::vector<Text> Child::Arguments() const {
  std::vector<Text> arguments;
  const WCHAR* next = exchange()->arguments;
  for (DWORD i = 0; i < exchange()->argument_count; ++i) {
    arguments.push_back(next);
    next += arguments.back().size() + 1;
  }
  return arguments;
}

int ChildMain(int argc, WCHAR* argv[]) {
  const Handle mapping(Open(argc > 2 ? argv[2] : TEXT("")));
  const View view(Map(mapping.get()));
  if (!view) return 1;
  Exchange* const exchange = static_cast<Exchange*>(view.get());
  // Left open, for the end of the process to close.
  if (*exchange->object && !Create(exchange->object)) return 1;
  WCHAR* next = exchange->arguments;
  for (int i = 3; i < argc; ++i) {
    const Text argument = argv[i];
    if (next + argument.size() + 1 > std::end(exchange->arguments)) return 1;
    next = std::copy(argument.begin(), argument.end(), next) + 1;
    ++exchange->argument_count;
  }
  if (argc > 4 && !Do(argv[3], argv[4])) return 1;
  int starting = Exchange::kStarting;
  exchange->stage.compare_exchange_strong(starting, Exchange::kReady);
  return WaitFor([exchange] { return exchange->stage == Exchange::kEnding; }) ? 0 : 1;
}

}  // namespace test
