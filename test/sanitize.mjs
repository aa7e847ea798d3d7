/**
 * Runs the boundary's tests against dll/posix under the sanitizers, each in a build of its own:
 *
 *     node test/sanitize.mjs
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

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
  run('cmake', ['--build', tree, '--parallel', '--target', 'kernel32_test']);
  // The thread sanitizer needs its addresses free, so no randomized ones.
  const output = run('setarch', ['-R', join(root, tree, 'RelWithDebInfo/kernel32_test')], {
    TSAN_OPTIONS: 'halt_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
  console.log(`${sanitizers}: ${output.match(/^ok /gm).length} tests passed`);
}
