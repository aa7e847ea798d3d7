// The benchmark's rows of events, mutexes and semaphores in C++:
//
//   bench_waiting alone      what each costs where nobody contends
//   bench_waiting ping NAME  there and back with a process that runs
//   bench_waiting pong NAME  until it is killed
//   bench_waiting own NAME   has a mutex until it is killed

#include <stdio.h>
#include <windows.h>

#include <iostream>
#include <string>

#include "measure.h"

namespace {

using Text = std::basic_string<WCHAR>;

[[noreturn]] void Fail(const char* what) {
  fprintf(stderr, "%s: error %lu\n", what, static_cast<unsigned long>(GetLastError()));
  exit(1);
}

HANDLE OpenTheEvent(const std::string& name) {
  const HANDLE event = OpenEventW(EVENT_ALL_ACCESS, /*bInheritHandle=*/FALSE,
                                  Text(name.begin(), name.end()).c_str());
  if (!event) Fail("OpenEventW");
  return event;
}

// Named ones, as those without a name need no other process to be thought of.
void Alone(bool quick) {
  const std::string prefix = "dllmemfilemap-bench-alone-" + std::to_string(GetCurrentProcessId());
  const Text name(prefix.begin(), prefix.end());
  const HANDLE mutex = CreateMutexW(nullptr, /*bInitialOwner=*/FALSE, (name + TEXT("m")).c_str());
  const HANDLE event = CreateEventW(nullptr, /*bManualReset=*/FALSE, /*bInitialState=*/FALSE,
                                    (name + TEXT("e")).c_str());
  const HANDLE semaphore = CreateSemaphoreW(nullptr, 1, 1, (name + TEXT("s")).c_str());
  if (!mutex || !event || !semaphore) Fail("an object");
  bench::Measure({{"mutex",
                   [=](int times) {
                     for (int i = 0; i < times; ++i) {
                       WaitForSingleObject(mutex, INFINITE);
                       ReleaseMutex(mutex);
                     }
                   }},
                  {"event",
                   [=](int times) {
                     for (int i = 0; i < times; ++i) {
                       SetEvent(event);
                       WaitForSingleObject(event, INFINITE);
                     }
                   }},
                  {"semaphore",
                   [=](int times) {
                     for (int i = 0; i < times; ++i) {
                       WaitForSingleObject(semaphore, INFINITE);
                       ReleaseSemaphore(semaphore, 1, nullptr);
                     }
                   }}},
                 quick ? 1 : 7, quick ? 3 : 41, /*batch=*/2000);
}

void Ping(HANDLE there, HANDLE back, bool quick) {
  bench::Measure({{"there and back",
                   [=](int times) {
                     for (int i = 0; i < times; ++i) {
                       SetEvent(there);
                       WaitForSingleObject(back, INFINITE);
                     }
                   }}},
                 quick ? 1 : 3, quick ? 3 : 5001, /*batch=*/1);
}

[[noreturn]] void Pong(HANDLE there, HANDLE back) {
  while (true) {
    WaitForSingleObject(there, INFINITE);
    SetEvent(back);
  }
}

void Own(const std::string& name) {
  const HANDLE mutex =
      CreateMutexW(nullptr, /*bInitialOwner=*/FALSE, Text(name.begin(), name.end()).c_str());
  if (!mutex || WaitForSingleObject(mutex, INFINITE) == WAIT_FAILED) Fail(name.c_str());
  puts("{}");
  fflush(stdout);
  std::cin.get();
}

}  // namespace

int main(int argc, char* argv[]) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::string name = argc > 2 ? argv[2] : "";
  const bool quick = std::string(argv[argc - 1]) == "quick";
  if (what == "alone") Alone(quick);
  if (what == "ping") Ping(OpenTheEvent(name + "-there"), OpenTheEvent(name + "-back"), quick);
  if (what == "pong") Pong(OpenTheEvent(name + "-there"), OpenTheEvent(name + "-back"));
  if (what == "own") Own(name);
  return 0;
}
