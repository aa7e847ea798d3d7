#include "lost_pages.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

#include "platform.h"

namespace kernel32 {

// One that is not in use has no address, and is never deleted: handlers walk the list of all
// without a lock.
struct GuardedView {
  std::atomic<uintptr_t> address{0};
  std::atomic<uint64_t> length{0};
  std::atomic<uint64_t> lost_from{0};  // where this process's own memory begins, in the view
  std::atomic<int> prot{0};
  GuardedView* next = nullptr;  // in the list of all, which never changes once this one is in it
  GuardedView* next_free = nullptr;
};

namespace {

NeverDestroyed<TableMutex> guard_mutex;
std::atomic<GuardedView*> views{nullptr};
GuardedView* free_views = nullptr;
std::atomic<int> handlers_at_work{0};
const uintptr_t page_size = sysconf(_SC_PAGESIZE);
bool is_handler_set = false;
struct sigaction previous;

// Makes the lost memory of one view the process's own. Returns whether the address is in that view,
// and the access may be repeated.
bool Replace(GuardedView* view, const siginfo_t& info, const void* context) {
  const auto fault = reinterpret_cast<uintptr_t>(info.si_addr);
  const uintptr_t address = view->address;
  if (address == 0 || fault - address >= view->length) return false;
  if (!MayBeMissingPage(info, context, view->prot)) return false;
  const uint64_t page = (fault - address) / page_size * page_size;
  // If it is there, another thread may have put it there, which has said so before.
  if (!IsMissing(info.si_addr)) return page >= view->lost_from;
  uint64_t lost_from = view->lost_from;
  do {
    // Another thread has met the same page. Its memory is in place, or will be in a moment.
    if (page >= lost_from) return true;
  } while (!view->lost_from.compare_exchange_weak(lost_from, page));
  // What was lost before is not replaced again, as it may have been written to since.
  if (mmap(reinterpret_cast<void*>(address + page), lost_from - page, view->prot,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, /*fd=*/-1,
           /*offset=*/0) != MAP_FAILED) {
    return true;
  }
  uint64_t expected = page;
  view->lost_from.compare_exchange_strong(expected, lost_from);
  return false;
}

bool ReplaceLostPages(const siginfo_t& info, const void* context) {
  const int error = errno;
  ++handlers_at_work;
  bool replaced = false;
  for (GuardedView* view = views; view && !replaced; view = view->next) {
    replaced = Replace(view, info, context);
  }
  --handlers_at_work;
  errno = error;
  return replaced;
}

// Does what would have happened without this handler.
void PassOn(int signal, siginfo_t* info, void* context) {
  const bool is_fault = info->si_code > 0;  // and not sent by somebody
  const bool has_handler = (previous.sa_flags & SA_SIGINFO) != 0 ||
                           (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN);
  if (!has_handler && previous.sa_handler == SIG_IGN && !is_fault) return;
  if (!has_handler || (previous.sa_flags & SA_RESETHAND) != 0) {
    struct sigaction by_default = {};
    by_default.sa_handler = SIG_DFL;
    sigaction(signal, &by_default, nullptr);
  }
  if (!has_handler) {
    // The access is repeated, and ends the process.
    if (!is_fault) raise(signal);
    return;
  }
  sigset_t mask = previous.sa_mask, own;
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  if ((previous.sa_flags & SA_NODEFER) != 0) {
    sigemptyset(&own);
    sigaddset(&own, signal);
    pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
  }
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else {
    previous.sa_handler(signal);
  }
}

void OnBusError(int signal, siginfo_t* info, void* context) {
  if (ReplaceLostPages(*info, context)) return;
  PassOn(signal, info, context);
}

void SetHandler() {
  // Known before the handler can run.
  sigaction(SIGBUS, nullptr, &previous);
  struct sigaction own = {};
  own.sa_sigaction = OnBusError;
  own.sa_flags = SA_SIGINFO | SA_ONSTACK | (previous.sa_flags & SA_RESTART);
  sigaction(SIGBUS, &own, nullptr);
  is_handler_set = true;
}

// A forked child has none of its parent's other threads. What their handlers were about to put into
// place is missing there, so whatever it finds missing is replaced anew.
void ForgetHandlers() {
  if (handlers_at_work == 0) return;
  for (GuardedView* view = views; view; view = view->next) view->lost_from = view->length.load();
  handlers_at_work = 0;
}

// When the library is loaded: whoever calls has the table's lock, which a fork waits for, and a
// fork may have the one that pthread_atfork waits for.
__attribute__((constructor)) void BeReadyForForks() {
  pthread_atfork(nullptr, nullptr, &ForgetHandlers);
}

}  // namespace

TableMutex& GuardMutex() { return *guard_mutex; }

GuardedView* GuardView(void* address, uint64_t length, int prot) {
  if (!is_handler_set) SetHandler();
  GuardedView* view = free_views;
  if (view) {
    free_views = view->next_free;
  } else {
    view = new (std::nothrow) GuardedView;
    if (!view) return nullptr;
    view->next = views;
    views = view;
  }
  view->length = length;
  view->lost_from = length;
  view->prot = prot;
  view->address = reinterpret_cast<uintptr_t>(address);
  return view;
}

void UnguardView(GuardedView* view) {
  view->address = 0;
  while (handlers_at_work != 0) sched_yield();
  view->next_free = free_views;
  free_views = view;
}

}  // namespace kernel32
