#include <stdlib.h>
#include <windows.h>

#include <vector>

#include "threads.h"

namespace test {
namespace {

struct Start {
  const std::function<void(int)>* body;
  int number;
};

DWORD WINAPI RunBody(LPVOID parameter) {
  const Start* const start = static_cast<const Start*>(parameter);
  (*start->body)(start->number);
  return 0;
}

}  // namespace

void RunInThreads(int count, const std::function<void(int)>& body) {
  std::vector<Start> starts;
  for (int i = 0; i < count; ++i) starts.push_back({&body, i});
  std::vector<HANDLE> threads;
  for (Start& start : starts) {
    const HANDLE thread = CreateThread(/*lpThreadAttributes=*/nullptr, /*dwStackSize=*/0, &RunBody,
                                       &start, /*dwCreationFlags=*/0, /*lpThreadId=*/nullptr);
    if (!thread) abort();
    threads.push_back(thread);
  }
  for (const HANDLE thread : threads) {
    if (WaitForSingleObject(thread, /*dwMilliseconds=*/60'000) != WAIT_OBJECT_0) abort();
    CloseHandle(thread);
  }
}

void YieldThread() { SwitchToThread(); }

}  // namespace test
