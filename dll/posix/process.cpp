#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "errors.h"
#include "handles.h"
#include "platform.h"
#include "utf.h"
#include "waiting.h"

namespace kernel32 {
namespace {

class Process : public Waitable {
 public:
  Doorbell& doorbell() override { return doorbell_; }
  Taken Take(Wait*) override { return ended_ ? Taken::kYes : Taken::kNo; }

  // Says whether it could be started, by 0 or an errno, and as what.
  void Begin(int error, pid_t pid) {
    std::lock_guard<std::mutex> lock(mutex_);
    start_error_ = error;
    pid_ = pid;
    has_begun_.notify_all();
  }

  int WaitUntilBegun(pid_t* pid) {
    std::unique_lock<std::mutex> lock(mutex_);
    has_begun_.wait(lock, [this] { return start_error_.has_value(); });
    *pid = pid_;
    return *start_error_;
  }

  void End() {
    ended_ = true;
    doorbell_.Ring();
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_begun_;
  std::optional<int> start_error_;
  pid_t pid_ = 0;
  std::atomic<bool> ended_{false};
  Doorbell doorbell_ = {};
};

struct HandleCloser {
  void operator()(HANDLE handle) const { CloseHandle(handle); }
};
using OwnedHandle = std::unique_ptr<void, HandleCloser>;

// Splits a command line as Microsoft's C runtime does:
// https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
std::vector<std::string> SplitCommandLine(std::string_view line) {
  std::vector<std::string> arguments;
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  size_t i = 0;
  // In the program's name a backslash is only a backslash, and a quote only opens or closes.
  std::string argument;
  bool quoted = false;
  for (; i < line.size() && (quoted || !is_space(line[i])); ++i) {
    if (line[i] == '"') {
      quoted = !quoted;
    } else {
      argument += line[i];
    }
  }
  arguments.push_back(argument);
  for (;;) {
    while (i < line.size() && is_space(line[i])) ++i;
    if (i == line.size()) return arguments;
    argument.clear();
    quoted = false;
    for (; i < line.size() && (quoted || !is_space(line[i])); ++i) {
      size_t backslashes = 0;
      while (i < line.size() && line[i] == '\\') ++backslashes, ++i;
      if (i == line.size() || line[i] != '"') {
        argument.append(backslashes, '\\');
        if (i == line.size() || (!quoted && is_space(line[i]))) break;
        argument += line[i];
      } else {
        argument.append(backslashes / 2, '\\');
        if (backslashes % 2 != 0) {
          argument += '"';
        } else if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
          argument += '"';
          ++i;
        } else {
          quoted = !quoted;
        }
      }
    }
    arguments.push_back(argument);
  }
}

// Where CreateProcess looks for a program without a path: beside the caller's own, in the current
// directory, on the PATH.
std::vector<std::string> Candidates(const std::string& program) {
  if (program.find('/') != program.npos) return {program};
  const std::string self = ProgramPath();
  std::vector<std::string> candidates = {self.substr(0, self.rfind('/') + 1) + program,
                                         "./" + program};
  const char* const path = getenv("PATH");
  std::string_view rest = path ? path : "";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) candidates.push_back(std::string(rest.substr(0, end)) + "/" + program);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return candidates;
}

int Spawn(std::vector<std::string> arguments, pid_t* pid) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int error = ENOENT;
  for (const std::string& path : Candidates(arguments[0])) {
    struct stat status;
    if (stat(path.c_str(), &status) != 0) {
      if (errno != ENOENT && errno != ENOTDIR) error = errno;
      continue;
    }
    if (!S_ISREG(status.st_mode)) continue;
    error = posix_spawn(pid, path.c_str(), nullptr, nullptr, argv.data(), Environment());
    break;
  }
  return error;
}

// Starts a child and waits for it in a thread of its own, so that any number of threads can wait
// for the handle, and nobody has to for the child not to stay a zombie. Returns 0 or an errno. The
// thread comes first: a child that nobody could wait for is none.
int SpawnAndWatch(const std::vector<std::string>& arguments,
                  const std::shared_ptr<Process>& process, pid_t* pid) {
  try {
    std::thread([arguments, process]() mutable {
      pid_t child = 0;
      int error = ENOMEM;
      try {
        error = Spawn(std::move(arguments), &child);
      } catch (const std::bad_alloc&) {
      }
      process->Begin(error, child);
      if (error != 0) return;
      Retry([child] { return waitpid(child, nullptr, 0); });
      process->End();
    }).detach();
  } catch (const std::system_error&) {
    return EAGAIN;
  }
  return process->WaitUntilBegun(pid);
}

}  // namespace
}  // namespace kernel32

using namespace kernel32;

BOOL WINAPI CreateProcessW(LPCWSTR lpApplicationName, LPWSTR lpCommandLine, LPSECURITY_ATTRIBUTES,
                           LPSECURITY_ATTRIBUTES, BOOL, DWORD dwCreationFlags, LPVOID lpEnvironment,
                           LPCWSTR lpCurrentDirectory, LPSTARTUPINFOW lpStartupInfo,
                           LPPROCESS_INFORMATION lpProcessInformation) try {
  if (lpApplicationName || dwCreationFlags != 0 || lpEnvironment || lpCurrentDirectory) {
    return Fail<BOOL>(ERROR_NOT_SUPPORTED);
  }
  if (!lpCommandLine || !lpStartupInfo || !lpProcessInformation) {
    return Fail<BOOL>(ERROR_INVALID_PARAMETER);
  }
  const auto process = std::make_shared<Process>();
  // The handles come before the process that they are for: later there may be no memory for them.
  OwnedHandle process_handle(OpenHandle(process)), thread_handle(OpenHandle(process));
  if (!process_handle || !thread_handle) return FALSE;
  pid_t pid;
  if (const int error = SpawnAndWatch(SplitCommandLine(ToUtf8(lpCommandLine)), process, &pid)) {
    return Fail<BOOL>(ErrorFromErrno(error));
  }
  *lpProcessInformation = {};
  lpProcessInformation->hProcess = process_handle.release();
  lpProcessInformation->hThread = thread_handle.release();
  lpProcessInformation->dwProcessId = static_cast<DWORD>(pid);
  lpProcessInformation->dwThreadId = static_cast<DWORD>(pid);
  return TRUE;
} catch (const std::bad_alloc&) {
  return Fail<BOOL>(ERROR_NOT_ENOUGH_MEMORY);
}

DWORD WINAPI GetCurrentProcessId(VOID) { return static_cast<DWORD>(getpid()); }
