// How the benchmark's C++ programs measure, and print, one line of JSON.
#ifndef DLLMEMFILEMAP_TEST_BENCH_MEASURE_H
#define DLLMEMFILEMAP_TEST_BENCH_MEASURE_H

#include <stdio.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bench {

struct Row {
  std::string name;
  std::function<void(int)> repeat;  // does it that many times
};

// The nanoseconds of each row: the lowest of its medians in rounds of all rows by turns.
inline void Measure(const std::vector<Row>& rows, int rounds, int batches, int batch) {
  using Clock = std::chrono::steady_clock;
  std::map<std::string, double> best;
  for (int round = 0; round < rounds; ++round) {
    for (const Row& row : rows) {
      std::vector<double> samples;
      for (int i = 0; i < batches; ++i) {
        const auto start = Clock::now();
        row.repeat(batch);
        const std::chrono::duration<double, std::nano> time = Clock::now() - start;
        samples.push_back(time.count() / batch);
      }
      std::nth_element(samples.begin(), samples.begin() + batches / 2, samples.end());
      const double median = samples[batches / 2];
      const auto found = best.find(row.name);
      if (found == best.end() || median < found->second) best[row.name] = median;
    }
  }
  printf("{");
  for (size_t i = 0; i < rows.size(); ++i) {
    printf("%s\"%s\": %.2f", i ? ", " : "", rows[i].name.c_str(), best[rows[i].name]);
  }
  printf("}\n");
  fflush(stdout);
}

}  // namespace bench

#endif
