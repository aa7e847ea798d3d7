/**
 * Under the sanitizers, each in a build of its own: runs the boundary's tests against dll/posix, a short stress, and some
 * of what faults.test.ts lets fail, or with --every-fault all of it, which takes five minutes:
 *
 *     node test/sanitize.mjs [--every-fault]
 *
 * Expects what `npm run build` makes, for the Node processes.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What of faults.test.ts runs each call of dll/posix at least once. */
const SOME_SCENARIOS =
  'SetSharedMem|that another process has|killed process had|everyone may use|two views|DLL is loaded,|by its name|is converted';

/** Runs a command, quietly unless it fails, and returns what it printed. */
function run(command, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: Infinity,
  });
  if (status === 0) return stdout;
  console.error(`${stdout}${stderr}\n${command} ${args.join(' ')} failed`);
  process.exit(1);
}

for (const sanitizers of ['address,undefined', 'thread']) {
  const tree = `build/sanitize-${sanitizers.replace(',', '-')}`;
  run('cmake', [
    ...['-S', '.', '-B', tree, '-D', 'CMAKE_BUILD_TYPE=RelWithDebInfo'],
    ...['-D', `DLLMEMFILEMAP_SANITIZE=${sanitizers}`],
  ]);
  const programs = ['kernel32_test', 'stress_worker', 'dll_peer', 'faults', 'fault_runner'];
  run('cmake', ['--build', tree, '--parallel', '--target', ...programs]);
  const folder = join(root, tree, 'RelWithDebInfo');
  const options = {
    TSAN_OPTIONS: `halt_on_error=1 suppressions=${join(root, 'test/thread-sanitizer.txt')}`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
  // The thread sanitizer needs its addresses free, so no randomized ones.
  const output = run('setarch', ['-R', join(folder, 'kernel32_test')], options);
  console.log(`${sanitizers}: ${output.match(/^ok /gm).length} tests passed`);
  const stress = ['test/stress/run.mjs', '--seconds', '15', '--build', folder];
  const table = run('setarch', ['-R', process.execPath, ...stress], options);
  console.log(`${sanitizers}: the stress passed, with ${table.match(/^killed +(.*)$/m)[1]} killed`);
  // The thread sanitizer cannot be loaded after the library that makes calls fail.
  if (sanitizers === 'thread') continue;
  const scenarios = process.argv.includes('--every-fault') ? '' : SOME_SCENARIOS;
  const faults = run(
    'npx',
    ['vitest', 'run', '--config', 'test/vitest.config.ts', 'test/faults.test.ts', '-t', scenarios],
    {
      NO_COLOR: '1',
      ASAN_OPTIONS: 'verify_asan_link_order=0',
      FAULTS_PROGRAMS: folder,
    },
  );
  console.log(`${sanitizers}: ${faults.match(/.* places of a kill/)?.[0] ?? 'no faults, without root'}`);
}
