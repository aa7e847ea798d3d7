// What Linux itself takes, in nanoseconds: two processes that wake each other by a futex, a
// Unix-domain socket or a pair of pipes, the median there and back; and the system calls with which
// a process attaches to an object that another has, and detaches.

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "measure.h"

namespace {

void HandOver(std::atomic<int>* word, int turn) {
  word->store(turn);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

void WaitWhile(std::atomic<int>* word, int turn) {
  while (word->load() == turn) syscall(SYS_futex, word, FUTEX_WAIT, turn, nullptr, nullptr, 0);
}

// What one of the processes does with the other in a round.
using Round = std::function<void(int)>;

double Median(int rounds, const Round& first, const Round& second) {
  const pid_t parent = getpid();
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    for (int round = 0; round < rounds; ++round) second(round);
    _exit(0);
  }
  std::vector<double> samples;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    first(round);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    samples.push_back(time.count());
  }
  std::nth_element(samples.begin(), samples.begin() + samples.size() / 2, samples.end());
  return samples[samples.size() / 2];
}

double Futex(int rounds) {
  auto* word = static_cast<std::atomic<int>*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (word == MAP_FAILED) _exit(1);
  return Median(
      rounds,
      [word](int round) {
        HandOver(word, 2 * round + 1);
        WaitWhile(word, 2 * round + 1);
      },
      [word](int round) {
        WaitWhile(word, 2 * round);
        HandOver(word, 2 * round + 2);
      });
}

void Send(int fd) {
  if (write(fd, "x", 1) != 1) _exit(1);
}

void Receive(int fd) {
  char byte;
  if (read(fd, &byte, 1) != 1) _exit(1);
}

// Each side writes to one descriptor and reads from another, which may be the same.
double Descriptors(int rounds, int to_second, int from_first, int to_first, int from_second) {
  return Median(
      rounds,
      [=](int) {
        Send(to_second);
        Receive(from_second);
      },
      [=](int) {
        Receive(from_first);
        Send(to_first);
      });
}

int Lock(int fd, int command, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_len = 1;
  return fcntl(fd, command, &lock);
}

// Those of NamedFile::Open, of a view of the memory, and of CloseHandle, in their order.
void AttachAndDetach(const char* path) {
  struct stat status;
  char header[556];
  const int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  bool good = fstat(fd, &status) == 0 && Lock(fd, F_OFD_GETLK, F_WRLCK) == 0;
  good = good && pread(fd, header, sizeof header, 0) == sizeof header;
  good = good && fstat(fd, &status) == 0 && Lock(fd, F_OFD_SETLK, F_RDLCK) == 0;
  good = good && lstat(path, &status) == 0 && fstat(fd, &status) == 0;
  good = good && Lock(fd, F_OFD_GETLK, F_WRLCK) == 0;
  void* const view = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
  good = good && munmap(view, 4096) == 0;
  good = good && Lock(fd, F_OFD_SETLK, F_UNLCK) == 0;
  good = good && Lock(fd, F_OFD_SETLK, F_WRLCK) != 0;  // the other has it
  if (!good || close(fd) != 0) _exit(1);
}

void MeasureAttaching(bool quick) {
  const std::string path = "/dev/shm/bench-" + std::to_string(getpid());
  const int other = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (other < 0 || fallocate(other, 0, 0, 8192) != 0) _exit(1);
  if (Lock(other, F_OFD_SETLK, F_RDLCK) != 0) _exit(1);
  const auto repeat = [&](int times) {
    for (int i = 0; i < times; ++i) AttachAndDetach(path.c_str());
  };
  bench::Measure({{"attach and detach", repeat}}, quick ? 1 : 5, quick ? 3 : 101, /*batch=*/10);
  unlink(path.c_str());
}

}  // namespace

// bench_linux wake|attach [quick]
int main(int argc, char* argv[]) {
  const bool quick = argc > 2;
  if (argc > 1 && strcmp(argv[1], "attach") == 0) {
    MeasureAttaching(quick);
    return 0;
  }
  const int rounds = quick ? 10 : 20000;
  int socket[2], there[2], back[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, socket) || pipe(there) || pipe(back)) return 1;
  const double by_futex = Futex(rounds);
  const double by_socket = Descriptors(rounds, socket[0], socket[1], socket[1], socket[0]);
  const double by_pipe = Descriptors(rounds, there[1], there[0], back[1], back[0]);
  printf("{\"futex\": %.2f, \"socket\": %.2f, \"pipe\": %.2f}\n", by_futex, by_socket, by_pipe);
  return 0;
}
