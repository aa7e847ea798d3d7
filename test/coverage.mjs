/**
 * Runs the tests, and says which lines of dll and src none of them reaches:
 *
 *     node test/coverage.mjs [vitest arguments]
 *
 * A process that is killed, or that ends by _exit, tells nothing of what it ran. So what dll/posix does when a system
 * call fails or the process ends between two, which faults.test.ts tests, is not among what is reached here. Nor is what
 * tests reach in a copy of the package, or on Windows. Some tests that run programs as another user or limit processes
 * fail in this build.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, stage, vitest } from './staged.mjs';

if (spawnSync('gcovr', ['--version']).error) {
  console.error('gcovr is missing: "apt-get install gcovr" on Debian');
  process.exit(1);
}

/**
 * They let calls fail or kill processes while the counters are written, which loses what all have counted; or they build
 * without counters.
 */
const OTHER_FILES = '**/{build,faults,install,stress}.test.ts';

const { app, native } = stage('coverage', {
  CMAKE_BUILD_TYPE: 'Debug',
  CMAKE_CXX_FLAGS: '--coverage -fprofile-update=atomic',
});
const counted = join(root, 'build/coverage/v8');
rmSync(counted, { recursive: true, force: true });
mkdirSync(counted, { recursive: true });
run('find', [native, '-name', '*.gcda', '-delete']);

process.exitCode = vitest(app, ['--exclude', OTHER_FILES, ...process.argv.slice(2)], {
  NODE_V8_COVERAGE: counted,
  // Who runs as another user may not write them, and would say so on stderr.
  GCOV_ERROR_FILE: '/dev/null',
});
// Forked processes that count at the same moment may make a count negative, which is no line that nobody reached.
const table = run('gcovr', ['--root', root, '--filter', 'dll/', '--gcov-ignore-parse-errors', native]);
// Without the files that are reached whole, as c8 leaves them out with --skip-full.
console.log(table.replace(/^.* 100% *\n/gm, ''));
const c8 = join(root, 'node_modules/c8/bin/c8.js');
const report = ['report', '--temp-directory', counted, '--src', 'src', '--include', 'src/**', '--exclude-after-remap'];
console.log(run(process.execPath, [c8, ...report, '--reporter', 'text', '--skip-full'], { COLUMNS: '1000' }, app));
