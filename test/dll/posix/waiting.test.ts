import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { platform } from 'node:process';
import { describe, expect, test } from 'vitest';
import { programPath } from '../../../dist/win32/native-library.js';

const { ENOSYS, EPERM } = constants.errno;

const TESTS = [
  'A wait for several wakes whichever of them is signalled in whichever process',
  'A wait for several takes the lowest index and leaves the others as they were',
  '64 handles can be waited for and neither 65 nor none',
];

function run(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 50_000 });
  return { status, output: `${stdout}${stderr}` };
}

describe.skipIf(platform !== 'linux')('Where futex_waitv fails with', () => {
  test.each([
    ['ENOSYS, as on an old kernel,', ENOSYS],
    ['EPERM, as in a container that forbids it,', EPERM],
  ])('%s waits for several are the same', (_, errno) => {
    const without = (program: string, ...args: string[]) =>
      run(programPath('without_futex_waitv'), String(errno), programPath(program), ...args);
    expect(without('kernel32_test', ...TESTS)).toMatchObject({ status: 0 });
    expect(without('stress_waiting', '3', '1')).toEqual({
      status: 0,
      output: expect.stringContaining('owners killed'),
    });
  });
});

test.skipIf(platform === 'win32')(
  'Killed owners are seen as abandoned, and killed sleepers take nothing from the living (POSIX)',
  () => {
    expect(run(programPath('stress_waiting'), '5', '2')).toEqual({
      status: 0,
      output: expect.stringContaining('owners killed'),
    });
  },
);

test.skipIf(platform !== 'linux' || process.getuid?.() !== 0)(
  'Whatever is written to the state of objects, or taken from their files, all calls return (on Linux alone, with root)',
  () => {
    // With a /dev/shm of its own, in which it finds its files.
    const script = 'mount -t tmpfs tmpfs /dev/shm && exec "$0"';
    expect(run('unshare', '--mount', 'sh', '-c', script, programPath('nonsense'))).toEqual({ status: 0, output: '' });
  },
);
