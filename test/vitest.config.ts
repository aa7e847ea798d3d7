import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: 'test',
    // Every file uses the one segment `dllmemfilemap` of this machine: one after the other.
    fileParallelism: false,
    testTimeout: 60_000,
  },
});
