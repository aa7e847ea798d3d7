// Threads, as MinGW-w64's standard library may be without them. The build picks threads_posix.cpp
// or threads_windows.cpp.
#ifndef DLLMEMFILEMAP_TEST_NATIVE_THREADS_H
#define DLLMEMFILEMAP_TEST_NATIVE_THREADS_H

#include <functional>

namespace test {

// Runs the body in that many threads at once, each with its number, and returns when all have
// ended.
void RunInThreads(int count, const std::function<void(int)>& body);

void YieldThread();

}  // namespace test

#endif
