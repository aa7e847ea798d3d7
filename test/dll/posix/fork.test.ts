import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { FileMapping, getSharedMem, unloadSharedMem } from 'dllmemfilemap';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { programPath } from '../../../dist/win32/native-library.js';
import { hexFromText, Peer } from '../../peer.js';
import { sharedFiles } from '../../shared-files.js';

const forks = programPath('forks');

/** What another process finds under the name, or the error. */
function lookUp(name: string): number | string {
  try {
    using mapping = FileMapping.open(name, { access: 'read' });
    using view = mapping.mapView();
    return view.snapshot(0, 1)[0] as number;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function sharedText(): string {
  const text = getSharedMem();
  unloadSharedMem();
  return text;
}

afterEach(unloadSharedMem);

describe.skipIf(process.platform === 'win32')(
  'A forked process that starts no other program (Windows has none)',
  () => {
    const start = (name: string, scenario: string) => Peer.run(forks, [hexFromText(name), scenario]);

    test.each(['exits', 'ends by _exit', 'closes all and ends', 'is killed'])(
      'writes to what its parent has, and takes nothing from it when it %s',
      async (scenario) => {
        const name = randomUUID();
        const parent = await start(name, scenario);
        expect(await parent.ask('read')).toBe('43');
        expect(lookUp(name)).toBe(43);
        expect(sharedText()).toBe('child');
        await parent.kill();
        expect(lookUp(name)).toBe('ERROR_FILE_NOT_FOUND');
        expect(sharedText()).toBe('');
      },
    );

    test('keeps alive what it has of its parent when that has ended', async () => {
      const name = randomUUID();
      // Node closes the input of a process that has ended, so a shell outlives it.
      const script = '"$0" "$@"; exec tail -f /dev/null';
      const child = await Peer.run('sh', ['-c', script, forks, hexFromText(name), 'stays']);
      expect(lookUp(name)).toBe(43);
      expect(sharedText()).toBe('child');
      child.process.stdin.end();
      await vi.waitUntil(() => lookUp(name) === 'ERROR_FILE_NOT_FOUND');
      expect(sharedText()).toBe('');
    });

    test('keeps its memory, and not the name, when its parent closes all', async () => {
      const name = randomUUID();
      const both = await start(name, 'stays while its parent closes all');
      await vi.waitUntil(() => lookUp(name) === 'ERROR_FILE_NOT_FOUND');
      expect(await both.ask('read')).toBe('43');
      using mapping = FileMapping.create(name, 4096);
      using view = mapping.mapView();
      expect(mapping.created).toBe(true);
      expect(await both.ask('write')).toBe('ok');
      expect(await both.ask('read')).toBe('44');
      expect(view.bytes[0]).toBe(0);
      both.process.stdin.end();
    });

    test('leaves nothing that the next process does not sweep, when it ends after its parent', async () => {
      const before = sharedFiles();
      const script = '"$0" "$@"; exec tail -f /dev/null';
      const child = await Peer.run('sh', ['-c', script, forks, hexFromText(randomUUID()), 'stays']);
      const made = sharedFiles().filter((path) => !before.includes(path));
      expect(made).not.toEqual([]);
      const isSweptByNext = async () => {
        const next = await Peer.start('C++', 'mapping');
        expect(await next.open(randomUUID())).toBe('error 2');
        expect(await next.end()).toBe(0);
        return !sharedFiles().some((path) => made.includes(path));
      };
      expect(await isSweptByNext()).toBe(false);
      child.process.stdin.end();
      await vi.waitUntil(isSweptByNext, { timeout: 20_000 });
    });

    const runScenario = (...args: readonly string[]) => {
      const { stdout, status } = spawnSync(forks, [hexFromText(randomUUID()), ...args], {
        encoding: 'utf8',
        timeout: 50_000,
      });
      return { stdout: stdout.trimEnd(), status };
    };

    test('calls what its parent calls, whatever the threads of that were in the middle of', () => {
      expect(runScenario('threads')).toEqual({ stdout: 'all children ended well', status: 0 });
    });

    test('owns no mutex of its parent, whose owners are dead although a child of theirs is alive', () => {
      expect(runScenario('mutexes')).toEqual({
        stdout: [
          'the child releases: 0',
          'the child waits: 0',
          'the parent releases: 0',
          'the child takes turns: 0',
          'the child dies as owner: 0',
          'the parent waits: 128',
          'the parent releases: 0',
          'the parent waits: 128',
        ].join('\n'),
        status: 0,
      });
    });

    test('waits and signals, whatever the threads of its parent were waiting for', () => {
      expect(runScenario('waiters')).toEqual({ stdout: 'all children ended well', status: 0 });
    });

    test('has no file of which it has no handle, whatever the threads of that were opening or closing', () => {
      expect(runScenario('closers')).toEqual({ stdout: '0 children have a file open', status: 0 });
    });

    test('closes the handles of a process, whatever the threads of that were waiting for', () => {
      expect(runScenario('process')).toEqual({ stdout: 'all children ended well', status: 0 });
    });

    test.skipIf(process.platform !== 'linux')(
      'unloads a library, whatever the threads of that were looking up (on Linux alone, which has one to spare)',
      () => {
        const library = programPath('libdawdle.so');
        expect(runScenario('lookups', library)).toEqual({ stdout: '0 children have the library loaded', status: 0 });
      },
    );

    test.skipIf(process.platform !== 'linux')(
      'ends well without memory, whatever the threads of that were using (on Linux alone, for its operator new)',
      () => {
        const { stdout, status } = spawnSync(programPath('forks_without_memory'), {
          encoding: 'utf8',
          timeout: 50_000,
        });
        expect({ stdout, status }).toEqual({ stdout: '0 ended badly, some kept the file\n', status: 0 });
      },
    );

    test('finds nothing that a first call of its parent was in the middle of making (not without nm)', ({ skip }) => {
      const { stdout, error } = spawnSync('nm', [programPath('libkernel32.so')], { encoding: 'utf8' });
      skip(error !== undefined);
      expect(stdout).toContain('pthread_atfork');
      expect(stdout).not.toMatch(/__cxa_guard_acquire|pthread_once|call_once/);
    });
  },
);
