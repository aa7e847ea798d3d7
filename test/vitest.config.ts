import { env, platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

/** What runs again in a runtime without arrays over outside memory, as Electron is. */
const COPYING = ['objects/file-mapping.test.ts', 'shared-mem/*.test.ts', 'examples/*.test.ts'];

const withoutExternalArrays = fileURLToPath(new URL('fixture/without-external-arrays.mjs', import.meta.url));

export default defineConfig({
  cacheDir: '../build/vite',
  test: {
    root: import.meta.dirname,
    // Which test:package runs, and what builds other copies than the one whose lines are counted.
    exclude: [
      ...configDefaults.exclude,
      'package/**',
      ...(env.NODE_V8_COVERAGE ? ['dll/build.test.ts', 'dll/install.test.ts'] : []),
      // Each example starts a process, which takes minutes under Wine.
      ...(platform === 'win32' && env.CI ? ['documentation.test.ts'] : []),
    ],
    // Every file uses the one segment that all processes of this user share: one after the other.
    fileParallelism: false,
    // Some compile, on a machine that does other things meanwhile.
    testTimeout: 180_000,
    globalSetup: ['nothing-left.ts'],
    // As Node itself loads it, for coverage to be of those lines.
    server: { deps: { external: [/\/dist\//] } },
    setupFiles: env.NODE_V8_COVERAGE ? ['take-coverage.ts'] : [],
    projects: [
      { extends: true, test: { name: 'live' } },
      // The fixture knows Linux alone.
      ...(platform === 'linux'
        ? [
            {
              extends: true as const,
              test: {
                name: 'copying',
                include: COPYING,
                execArgv: ['--import', withoutExternalArrays],
                sequence: { groupOrder: 1 },
              },
            },
          ]
        : []),
    ],
  },
});
