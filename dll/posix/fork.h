// What a process finds that was forked and does not start another program.
#ifndef DLLMEMFILEMAP_POSIX_FORK_H
#define DLLMEMFILEMAP_POSIX_FORK_H

#include <mutex>
#include <new>

namespace kernel32 {

// Lives as long as the process and is never destroyed: other threads may still be calling when the
// process ends. To be declared outside of functions. It is then made when the library is loaded,
// and not by a first caller, in the middle of which another thread could fork.
template <typename T>
class NeverDestroyed {
 public:
  NeverDestroyed() { new (memory_) T; }
  T* operator->() { return std::launder(reinterpret_cast<T*>(memory_)); }
  T& operator*() { return *operator->(); }

 private:
  alignas(T) char memory_[sizeof(T)];
};

// The mutex of a table that is never destroyed. A fork waits for all of them, so a forked child
// finds them free and the tables whole, whatever its parent's other threads were doing. A thread
// may hold one at a time.
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
