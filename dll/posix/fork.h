// What a process finds that was forked and does not start another program.
#ifndef DLLMEMFILEMAP_POSIX_FORK_H
#define DLLMEMFILEMAP_POSIX_FORK_H

#include <mutex>

namespace kernel32 {

// The mutex of a table that is never destroyed. A fork waits for all of them, so a forked child
// finds them free and the tables whole, whatever its parent's other threads were doing. Nobody may
// hold two.
class TableMutex {
 public:
  TableMutex();
  TableMutex(const TableMutex&) = delete;
  TableMutex& operator=(const TableMutex&) = delete;

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

  TableMutex* next() const { return next_; }

 private:
  std::mutex mutex_;
  TableMutex* next_;
};

// How many forks lie between the process that loaded this library and this one. Tells a child from
// its parent even where both have the same number, each in a PID namespace of its own.
unsigned Forks();

}  // namespace kernel32

#endif
