/**
 * Runs the tests, and says which lines of dll and src none of them reaches:
 *
 *     node test/coverage.mjs [vitest arguments]
 *
 * A process that is killed, or that ends by _exit, tells nothing of what it ran. Tests may fail here that compare what
 * a program prints, as one that runs as another user says that it may not write its counters.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, stage, vitest } from './staged.mjs';

if (spawnSync('gcovr', ['--version']).error) {
  console.error('gcovr is missing: "apt-get install gcovr" on Debian');
  process.exit(1);
}

const { app, native } = stage('coverage', {
  CMAKE_BUILD_TYPE: 'Debug',
  CMAKE_CXX_FLAGS: '--coverage -fprofile-update=atomic',
});
const counted = join(root, 'build/coverage/v8');
rmSync(counted, { recursive: true, force: true });
mkdirSync(counted, { recursive: true });
run('find', [native, '-name', '*.gcda', '-delete']);

process.exitCode = vitest(app, process.argv.slice(2), { NODE_V8_COVERAGE: counted });
const table = run('gcovr', ['--root', root, '--filter', 'dll/', native]);
// Without the files that are reached whole, as c8 leaves them out with --skip-full.
console.log(table.replace(/^.* 100% *\n/gm, ''));
const c8 = join(root, 'node_modules/c8/bin/c8.js');
const report = ['report', '--temp-directory', counted, '--src', 'src', '--include', 'src/**', '--exclude-after-remap'];
console.log(run(process.execPath, [c8, ...report, '--reporter', 'text', '--skip-full'], { COLUMNS: '1000' }, app));
