#include "fork.h"

#include <pthread.h>

namespace kernel32 {
namespace {

std::mutex list_mutex;
TableMutex* all = nullptr;
unsigned forks = 0;

void LockAll() {
  list_mutex.lock();
  for (TableMutex* mutex = all; mutex; mutex = mutex->next()) mutex->lock();
}

void UnlockAll() {
  for (TableMutex* mutex = all; mutex; mutex = mutex->next()) mutex->unlock();
  list_mutex.unlock();
}

__attribute__((constructor)) void BeReadyForForks() {
  pthread_atfork(&LockAll, &UnlockAll, [] {
    ++forks;
    UnlockAll();
  });
}

}  // namespace

TableMutex::TableMutex() {
  std::lock_guard<std::mutex> lock(list_mutex);
  next_ = all;
  all = this;
}

unsigned Forks() { return forks; }

}  // namespace kernel32
