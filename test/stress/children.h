// The processes that a program of the stress starts of itself, and kills. None outlives it, however
// that ends.
#ifndef DLLMEMFILEMAP_TEST_STRESS_CHILDREN_H
#define DLLMEMFILEMAP_TEST_STRESS_CHILDREN_H

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

extern char** environ;

namespace stress {

// Those that are running, or have stopped.
class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    for (const pid_t pid : pids) kill(pid, SIGKILL);
  }

  std::set<pid_t> pids;
};
inline Children children;

// Starts the program with "--child", this process's id, and the arguments. In a process group of
// its own: if this process is killed, the system ends a child that has stopped, as nothing in its
// session could continue it. Returns 0 if it cannot be started.
inline pid_t StartChild(const std::string& program, std::vector<std::string> arguments) {
  const std::vector<std::string> first = {program, "--child", std::to_string(getpid())};
  arguments.insert(arguments.begin(), first.begin(), first.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid;
  const int error = posix_spawn(&pid, program.c_str(), nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return 0;
  children.pids.insert(pid);
  return pid;
}

// Kills it, and returns how it ended, as waitpid does.
inline int KillChild(pid_t pid) {
  kill(pid, SIGKILL);
  int status;
  waitpid(pid, &status, 0);
  children.pids.erase(pid);
  return status;
}

// Whether the process that started this one is there: without it nothing would end this one. The id
// is the one that this process was given, as the other may have ended before getppid() could tell.
inline bool IsParent(pid_t pid) { return getppid() == pid; }

}  // namespace stress

#endif
