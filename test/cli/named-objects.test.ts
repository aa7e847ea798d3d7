import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FileMapping, NamedEvent, NamedMutex, NamedSemaphore } from '../../dist/index.js';
import { objectFiles } from '../../dist/win32/native-library.js';
import { freeName, kept } from '../objects/kept.js';
import { hexFromText, Peer } from '../peer.js';
import { DIST, onWindows, Running, run, wellEnded } from './command.js';

const node = (script: string) => ['--', process.execPath, '-e', script];
const NOTHING = node('');

describe('lock', () => {
  const name = freeName();

  test.each([0, 1, 7])('exits with the %i of its command', (code) => {
    expect(run(['lock', name, ...node(`console.log('out'); process.exit(${code})`)])).toEqual({
      status: code,
      stdout: 'out\n',
      stderr: '',
    });
  });

  test('holds the mutex while the command runs, and no longer', () => {
    using mutex = NamedMutex.create(name);
    const again = ['--', process.execPath, join(DIST, 'cli/main.js'), 'lock', '--try', name, ...NOTHING];
    expect(run(['lock', name, ...again])).toEqual({
      status: 1,
      stdout: '',
      stderr: `Another process has the mutex '${name}', so the command was not run.\n`,
    });
    using lock = mutex.tryAcquire();
    expect(lock).toMatchObject({ abandoned: false });
  });

  test('waits for the mutex', async () => {
    using mutex = NamedMutex.create(name);
    const lock = mutex.acquireSync();
    const running = new Running('lock', name, ...node("console.log('ran')"));
    lock.release();
    expect(await running.line()).toBe('ran');
    expect(await running.end()).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('exits with 124 when the time is over, and does not run the command', () => {
    using mutex = NamedMutex.create(name);
    using _lock = mutex.acquireSync();
    const { status, stdout, stderr } = run(['lock', '--timeout', '1', name, ...node("console.log('ran')")]);
    expect({ status, stdout }).toEqual({ status: 124, stdout: '' });
    expect(stderr).toMatch(/^error: .*WAIT_TIMEOUT.*\n$/);
  });

  test('says that the mutex was abandoned, once, and runs the command', async () => {
    using _mutex = NamedMutex.create(name);
    const owner = await Peer.start('C++', 'waiting');
    expect(await owner.ask(`mutex ${hexFromText(name)}`)).toBe('ok');
    expect(await owner.ask('wait 0')).toBe('ok');
    await owner.kill();
    const { status, stderr } = run(['lock', name, ...NOTHING]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^The mutex '.*' was abandoned: .*\n$/);
    expect(run(['lock', name, ...NOTHING])).toEqual({ ...wellEnded, stdout: '' });
  });

  test('exits with 127 if there is no such command, and with 126 if it cannot be run', () => {
    expect(run(['lock', name, '--', 'no-such-command'])).toMatchObject({ status: 127, stdout: '' });
    // Windows looks for a program to run of that name, and finds none.
    expect(run(['lock', name, '--', DIST]).status).toBe(onWindows ? 127 : 126);
  });

  test('exits with 125 if another kind of object has the name, and with 2 if no object can', () => {
    using _event = NamedEvent.create(name);
    const { status, stderr } = run(['lock', name, ...NOTHING]);
    expect(status).toBe(125);
    expect(stderr).toMatch(/^error: .*ERROR_INVALID_HANDLE.*\n$/);
    expect(run(['lock', 'x'.repeat(261), ...NOTHING]).status).toBe(2);
    expect(run(['lock', '--try', '--timeout', '1', name, ...NOTHING]).status).toBe(2);
  });

  describe.skipIf(onWindows)('(not on Windows, which has no signals)', () => {
    test.each(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const)('passes %s to its command', async (signal) => {
      const running = new Running(
        ...['lock', name],
        ...node(`process.on('${signal}', () => process.exit(9)); console.log('up'); setInterval(() => {}, 1000)`),
      );
      expect(await running.line()).toBe('up');
      running.process.kill(signal);
      expect(await running.end()).toEqual({ code: 9, signal: null, stderr: '' });
    });

    test('exits with 128 and the number of the signal that ended its command', () => {
      expect(run(['lock', name, ...node("process.kill(process.pid, 'SIGKILL')")])).toEqual({
        status: 137,
        stdout: '',
        stderr: '',
      });
    });
  });
});

describe('signal and wait', () => {
  const name = freeName();

  test('wait ends when signal sets the event, and takes the signal', async () => {
    using event = NamedEvent.create(name);
    const running = new Running('wait', name);
    expect(run(['signal', name])).toEqual({ ...wellEnded, stdout: '' });
    expect(await running.end()).toEqual({ code: 0, signal: null, stderr: '' });
    expect(event.tryWait()).toBe(false);
  });

  test('wait exits with 124 when the time is over', () => {
    using _event = NamedEvent.create(name);
    const { status, stderr } = run(['wait', '--timeout', '1', name]);
    expect(status).toBe(124);
    expect(stderr).toMatch(/^error: .*WAIT_TIMEOUT.*\n$/);
  });

  test.each(['wait', 'signal'])('%s says that no process has the event, and exits with 1', (command) => {
    const { status, stdout, stderr } = run([command, name]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^error: ERROR_FILE_NOT_FOUND: no living process has it open, .*\n$/);
    expect(run([command, 'x'.repeat(261)]).status).toBe(2);
  });
});

describe.skipIf(onWindows)('list (not on Windows)', () => {
  const [local] = objectFiles() ?? [];
  const names = () => JSON.parse(run(['list', '--json']).stdout).map(({ name }: { name: string }) => name);

  test('prints kind, size, name and processes of every object', () => {
    kept(FileMapping.create('Local\\list.d', 5000));
    kept(NamedMutex.create('Local\\list.b'));
    kept(NamedSemaphore.create('list.c\n', { initial: 0, maximum: 1 }));
    kept(NamedEvent.create('Global\\list.a'));
    const holders = process.platform === 'linux' ? { processes: [process.pid] } : {};
    const { stdout, ...rest } = run(['list', '--json']);
    expect(rest).toEqual(wellEnded);
    expect(JSON.parse(stdout)).toEqual([
      { kind: 'mutex', name: 'Local\\list.b', ...holders },
      { kind: 'semaphore', name: 'Local\\list.c\n', ...holders },
      { kind: 'section', name: 'Local\\list.d', size: 8192, ...holders },
      { kind: 'event', name: 'Global\\list.a', ...holders },
    ]);
    const lines = run(['list']).stdout.split('\n');
    expect(lines[1]).toContain('Local\\list.c\\x0a');
    expect(lines[2]).toMatch(/^section +8192 {2}Local\\list\.d/);
    expect(lines).toHaveLength(5);
  });

  test('has no object of a process that was killed', async () => {
    const peer = await Peer.start('C++', 'mapping');
    expect(await peer.create('Local\\list.dead', 1)).toBe('ok created');
    expect(names()).toEqual(['Local\\list.dead']);
    await peer.kill();
    expect(names()).toEqual([]);
  });

  test('follows, trusts and waits for nothing that is no object', () => {
    const plant = (name: string, make: (path: string) => void) => {
      const path = `${local?.path}${name}`;
      make(path);
      onTestFinished(() => rmSync(path, { force: true }));
    };
    kept(NamedMutex.create('Local\\list.real'));
    const folder = join(local?.path as string, '..');
    const [real] = readdirSync(folder).filter((file) => join(folder, file).startsWith(local?.path as string));
    const realPath = join(folder, real as string);
    plant('copy', (path) => copyFileSync(realPath, path));
    plant('link', (path) => symlinkSync(realPath, path));
    plant('fifo', (path) => spawnSync('mkfifo', [path]));
    plant('empty', (path) => writeFileSync(path, ''));
    plant('foreign', (path) => writeFileSync(path, Buffer.alloc(8192, 1)));
    plant('short', (path) => {
      copyFileSync(realPath, path);
      truncateSync(path, 100);
    });
    expect(names()).toEqual(['Local\\list.real']);
  });
});

test.runIf(onWindows)('list says on Windows why there is none, and exits with 1', () => {
  const { status, stdout, stderr } = run(['list']);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^error: Win32 has no function that lists named objects/);
});
