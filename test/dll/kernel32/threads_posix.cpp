#include <thread>
#include <vector>

#include "threads.h"

namespace test {

void RunInThreads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

void YieldThread() { std::this_thread::yield(); }

}  // namespace test
