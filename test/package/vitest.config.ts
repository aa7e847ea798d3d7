import { defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: '../../build/vite',
  test: {
    root: import.meta.dirname,
    // Every file uses the one segment that all processes of this user share: one after the other.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
