import { env } from 'node:process';
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  cacheDir: '../build/vite',
  test: {
    root: import.meta.dirname,
    // Which test:package runs.
    exclude: [...configDefaults.exclude, 'package/**'],
    // Every file uses the one segment that all processes of this user share: one after the other.
    fileParallelism: false,
    testTimeout: 60_000,
    // As Node itself loads it, for coverage to be of those lines.
    server: { deps: { external: [/\/dist\//] } },
    setupFiles: env.NODE_V8_COVERAGE ? ['take-coverage.ts'] : [],
  },
});
