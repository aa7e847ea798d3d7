import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { FileMapping } from 'dllmemfilemap';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { programPath } from '../../../dist/win32/native-library.js';
import { canRunAsOthers, LANGUAGES, type Language, Peer } from '../../peer.js';
import { fileMadeBy } from '../../shared-files.js';

// What other processes and users can do to the files behind the names. On Windows a name is no file.

const onWindows = platform === 'win32';
const onLinux = platform === 'linux';
const asRoot = process.getuid?.() === 0;
const OTHER = { uid: 12_345, gid: 12_345 };

const PAGE = 4096;
const NOT_FOUND = 'error 2';
const DENIED = 'error 5';

const SCOPES = ['Local\\', 'Global\\'];

const freeName = (prefix = '') => prefix + randomUUID();

/** Disposes of it when the test is over. */
function kept<T extends Disposable>(disposable: T): T {
  onTestFinished(() => disposable[Symbol.dispose]());
  return disposable;
}

/** What a call's error says. */
function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing failed');
}

const start = (language: Language) => Peer.start(language, 'mapping');

/** What the processes of an earlier test left behind would be swept in the middle of another. */
beforeEach(async () => {
  if (onWindows) return;
  const peer = await start('C++');
  for (const scope of SCOPES) expect(await peer.open(freeName(scope))).toBe(NOT_FOUND);
  await peer.end();
});

/** A folder that goes with the test. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dllmemfilemap-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe.skipIf(onWindows)('Under the path of a name (not on Windows, where a name is no path)', () => {
  /** A name that is free, and the path that the file behind it would have; what is put there goes with the test. */
  async function freePath(scope: string) {
    const name = freeName(scope);
    let mapping: FileMapping | undefined;
    const path = await fileMadeBy(() => {
      mapping = FileMapping.create(name, PAGE);
    });
    mapping?.close();
    expect(existsSync(path)).toBe(false);
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    return { name, path };
  }

  /** Nobody opens or creates the name, the error says what is there and whose it is, and that stays the same. */
  async function expectRefused(name: string, path: string, what: string) {
    const facts = () => {
      const { ino, mode, uid, size, mtimeMs, ctimeMs } = lstatSync(path);
      return { ino, mode, uid, size, mtimeMs, ctimeMs };
    };
    const before = facts();
    for (const language of LANGUAGES) {
      const peer = await start(language);
      expect(await peer.open(name, 'read')).toBe(DENIED);
      expect(await peer.open(name, 'write')).toBe(DENIED);
      expect(await peer.create(name, PAGE)).toBe(DENIED);
    }
    const owner = before.uid === 0 ? '0 (root)' : `${before.uid} (`;
    const calls = [() => FileMapping.open(name, { access: 'read' }), () => FileMapping.create(name, PAGE)];
    for (const message of calls.map(messageOf)) {
      expect(message).toContain(`${path} is ${what}`);
      expect(message).toContain(`belongs to user ${owner}`);
    }
    expect(facts()).toEqual(before);
  }

  describe.each(SCOPES)('with the prefix %s', (scope) => {
    test('a link to a file is not followed', async () => {
      const { name, path } = await freePath(scope);
      const target = join(temporaryFolder(), 'target');
      writeFileSync(target, 'precious', { mode: 0o600 });
      symlinkSync(target, path);
      await expectRefused(name, path, 'a symbolic link');
      expect(readFileSync(target, 'utf8')).toBe('precious');
    });

    test('a link to nothing is not followed, and nothing is made there', async () => {
      const { name, path } = await freePath(scope);
      const target = join(temporaryFolder(), 'target');
      symlinkSync(target, path);
      await expectRefused(name, path, 'a symbolic link');
      expect(existsSync(target)).toBe(false);
    });

    test('a link to the file of another object does not lead to that object', async () => {
      const { name, path } = await freePath(scope);
      symlinkSync(await fileMadeBy(() => kept(FileMapping.create(freeName(scope), PAGE))), path);
      await expectRefused(name, path, 'a symbolic link');
      expect(readlinkSync(path)).not.toBe('');
    });

    test('another name of the file of another object does not lead to that object', async () => {
      const { name, path } = await freePath(scope);
      linkSync(await fileMadeBy(() => kept(FileMapping.create(freeName(scope), PAGE))), path);
      await expectRefused(name, path, `a file of ${2 * PAGE} bytes`);
    });

    test('a FIFO is not waited for', async () => {
      const { name, path } = await freePath(scope);
      expect(spawnSync('mkfifo', ['-m', '600', path]).status).toBe(0);
      await expectRefused(name, path, 'a FIFO');
    });

    test('a folder is left alone', async () => {
      const { name, path } = await freePath(scope);
      mkdirSync(path, { mode: 0o700 });
      await expectRefused(name, path, 'a folder');
    });

    test('a socket is left alone', async () => {
      const { name, path } = await freePath(scope);
      const server = createServer().listen(path);
      onTestFinished(() => void server.close());
      await vi.waitUntil(() => existsSync(path));
      await expectRefused(name, path, 'a socket');
    });

    test.skipIf(!asRoot)('a device is left alone (not without root, who makes it)', async () => {
      const { name, path } = await freePath(scope);
      expect(spawnSync('mknod', ['-m', '600', path, 'c', '1', '3']).status).toBe(0);
      await expectRefused(name, path, 'a device');
    });

    test('the file of a living object is not trusted when its permissions became wider', async () => {
      const { name, path } = await freePath(scope);
      kept(FileMapping.create(name, PAGE));
      chmodSync(path, 0o666);
      await expectRefused(name, path, `a file of ${2 * PAGE} bytes with mode 0666`);
    });

    test('a copy of the file of an object, which nobody holds, is no object', async () => {
      const { name, path } = await freePath(scope);
      const copy = join(temporaryFolder(), 'copy');
      {
        using mapping = FileMapping.create(name, PAGE);
        using view = mapping.mapView();
        view.writeString('of the original');
        copyFileSync(path, copy);
      }
      const peer = await start('C++');
      for (const mode of [0o600, 0o666]) {
        copyFileSync(copy, path);
        chmodSync(path, mode);
        expect(await peer.open(name)).toBe(NOT_FOUND);
        copyFileSync(copy, path);
        chmodSync(path, mode);
        expect(await peer.create(name, PAGE)).toBe('ok created');
        expect(await peer.ask('read 0')).toBe('ok 0');
        expect(lstatSync(path).mode & 0o777).toBe(0o600);
        await peer.ask('unmap');
        await peer.ask('close');
      }
    });
  });

  test.skipIf(!asRoot)("another user's file is not trusted in one's own namespace (not run without root)", async () => {
    const { name, path } = await freePath('Local\\');
    using _mapping = FileMapping.create(name, PAGE);
    // The file of a living object, in everything but its owner.
    chownSync(path, 12_345, 12_345);
    await expectRefused(name, path, `a file of ${2 * PAGE} bytes with mode 0600`);
  });

  test.skipIf(!canRunAsOthers)(
    'a FIFO that may only be read is not waited for (not without root and programs that everyone may run)',
    async () => {
      const { name, path } = await freePath('Global\\');
      expect(spawnSync('mkfifo', ['-m', '644', path]).status).toBe(0);
      const peer = await Peer.start('C++', 'mapping', { uid: 12_345, gid: 12_345 });
      expect(await peer.open(name, 'read')).toBe(DENIED);
      expect(await peer.create(name, PAGE)).toBe(DENIED);
    },
  );

  test.skipIf(!canRunAsOthers || !onLinux)(
    "another user's lock is waited for if nothing else tells the file from an object, and not for ever (not without root)",
    async () => {
      const { name, path } = await freePath('Global\\');
      const copy = join(temporaryFolder(), 'copy');
      {
        using _mapping = FileMapping.create(name, PAGE, { security: 'everyone-read-write' });
        copyFileSync(path, copy);
      }
      const plant = (content: Buffer) => {
        writeFileSync(path, content);
        chownSync(path, OTHER.uid, OTHER.gid);
        chmodSync(path, 0o666);
        return Peer.run(programPath('locks_file'), [path], OTHER);
      };

      const liar = await plant(Buffer.alloc(2 * PAGE));
      const peers = await Promise.all(LANGUAGES.map(start));
      for (const peer of peers) expect(await peer.create(name, PAGE)).toBe(DENIED);
      await liar.kill();
      rmSync(path);

      await plant(readFileSync(copy));
      const answers = Promise.all(peers.map((peer) => peer.create(name, PAGE)));
      const message = messageOf(() => FileMapping.open(name));
      expect(message).toMatch(/^ERROR_BUSY: .*belongs to user 12345 /);
      expect(message).toContain(`${path} is a file of ${2 * PAGE} bytes with mode 0666`);
      expect(await answers).toEqual(['error 170', 'error 170']);
    },
  );

  test.skipIf(!asRoot)(
    "another user's file that nobody holds is not trusted either (not run without root)",
    async () => {
      const { name, path } = await freePath('Local\\');
      writeFileSync(path, '');
      chownSync(path, 12_345, 12_345);
      chmodSync(path, 0o666);
      await expectRefused(name, path, 'a file of 0 bytes with mode 0666');
    },
  );
});

describe.skipIf(onWindows)('A file that becomes shorter under a view (not on Windows, which has no such file)', () => {
  /** Shortens a file as its owner, or as somebody else whom its permissions let write. */
  function shorten(path: string, size: number, user: { uid?: number } = {}) {
    const script = 'require("fs").truncateSync(process.argv[1], Number(process.argv[2]))';
    const run = spawnSync(process.execPath, ['-e', script, path, String(size)], { ...user, encoding: 'utf8' });
    expect(run.stderr).toBe('');
  }

  describe.each(LANGUAGES)('in %s', (language) => {
    test.each([
      ['the whole file', 0, [0, PAGE, 3 * PAGE - 1]],
      ['all of the memory', PAGE, [0, PAGE, 3 * PAGE - 1]],
      ['a part of the memory', 2 * PAGE, [PAGE, 3 * PAGE - 1]],
    ])('reads as zero where it lost %s, and keeps what is written there from then on', async (_, size, lost) => {
      const peer = await start(language);
      const path = await fileMadeBy(() => peer.create(freeName(), 3 * PAGE));
      for (const offset of [0, PAGE, 3 * PAGE - 1]) await peer.ask(`write ${offset} 7`);
      shorten(path, size);
      if (size > PAGE) expect(await peer.ask('read 0')).toBe('ok 7');
      for (const offset of lost) expect(await peer.ask(`read ${offset}`)).toBe('ok 0');
      for (const offset of lost) expect(await peer.ask(`write ${offset} ${offset % 100}`)).toBe('ok');
      for (const offset of lost) expect(await peer.ask(`read ${offset}`)).toBe(`ok ${offset % 100}`);
      expect(await peer.ask('unmap')).toBe('ok');
      expect(await peer.ask('close')).toBe('ok');
      expect(await peer.end()).toBe(0);
    });

    test('reads as zero where it lost more than before, and leaves alone what was written', async () => {
      const peer = await start(language);
      const path = await fileMadeBy(() => peer.create(freeName(), 3 * PAGE));
      for (const offset of [0, PAGE, 2 * PAGE]) await peer.ask(`write ${offset} 7`);
      shorten(path, 3 * PAGE);
      expect(await peer.ask(`write ${2 * PAGE} 8`)).toBe('ok');
      shorten(path, PAGE);
      expect(await peer.ask('read 0')).toBe('ok 0');
      expect(await peer.ask(`read ${PAGE}`)).toBe('ok 0');
      expect(await peer.ask(`read ${2 * PAGE}`)).toBe('ok 8');
      expect(await peer.end()).toBe(0);
    });

    test('reads as zero to who may only read', async () => {
      const [creator, reader] = await Promise.all([start('C++'), start(language)]);
      const name = freeName();
      const path = await fileMadeBy(() => creator.create(name, PAGE));
      await creator.ask('write 0 7');
      expect(await reader.open(name, 'read')).toBe('ok');
      expect(await reader.ask('read 0')).toBe('ok 7');
      shorten(path, 0);
      expect(await reader.ask('read 0')).toBe('ok 0');
      expect(await reader.end()).toBe(0);
    });

    test('is nothing that the next one opens or creates, and the name is free when its holders have gone', async () => {
      const [holder, next] = await Promise.all([start(language), start(language)]);
      const name = freeName();
      const path = await fileMadeBy(() => holder.create(name, PAGE));
      shorten(path, 0);
      expect(await next.open(name)).toBe(DENIED);
      expect(await next.create(name, PAGE)).toBe(DENIED);
      expect(await holder.ask('read 0')).toBe('ok 0');
      expect(await holder.end()).toBe(0);
      expect(existsSync(path)).toBe(false);
      expect(await next.create(name, PAGE)).toBe('ok created');
      expect(await next.ask('read 0')).toBe('ok 0');
    });

    test("is the DLL's section, which goes on in each process alone", async () => {
      let section: FileMapping | undefined;
      const path = await fileMadeBy(() => {
        section = FileMapping.create('dllmemfilemap', PAGE);
      });
      const peer = await Peer.start(language, 'dll');
      section?.close();
      await peer.set('of both');
      shorten(path, 0);
      expect(await peer.get()).toBe('');
      await peer.set('x'.repeat(2047));
      expect(await peer.get()).toBe('x'.repeat(2047));
      expect(await peer.end()).toBe(0);
    });
  });

  test.skipIf(!canRunAsOthers)(
    'because of another user whom the object lets write ends nobody (not without root and programs that everyone may run)',
    async () => {
      const name = freeName('Global\\');
      const creator = await start('Node');
      const path = await fileMadeBy(() => creator.create(name, 2 * PAGE, 'everyone-read-write'));
      const openers = await Promise.all(LANGUAGES.map((language) => Peer.start(language, 'mapping', OTHER)));
      for (const opener of openers) expect(await opener.open(name)).toBe('ok');
      await creator.ask('write 0 7');
      shorten(path, 0, OTHER);
      for (const peer of [creator, ...openers]) {
        expect(await peer.ask('read 0')).toBe('ok 0');
        expect(await peer.ask(`write ${PAGE} 1`)).toBe('ok');
      }
      for (const peer of [creator, ...openers]) expect(await peer.end()).toBe(0);
    },
  );

  test.skipIf(platform !== 'linux')('is met in threads and beside WebAssembly (on Linux alone, for its /proc)', () => {
    const script = fileURLToPath(new URL('../../fixture/shortened-view.mjs', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 50_000 });
    expect({ status, stdout: stdout.split('\n'), stderr }).toEqual({
      status: 0,
      stdout: ['system call: EFAULT', 'threads: true', 'WebAssembly: RuntimeError', 'JavaScript: 0 1', ''],
      stderr: '',
    });
  });

  describe('beside another SIGBUS of the same process', () => {
    const run = (scenario: string) => {
      const { status, signal, stdout } = spawnSync(programPath('bus_error'), [scenario], {
        encoding: 'utf8',
        timeout: 50_000,
      });
      return { status, signal, stdout };
    };

    test.each(['default', 'handler', 'ignored', 'action'])(
      'is met, whatever the process had for SIGBUS before: %s',
      (disposition) => {
        expect(run(`${disposition} view`)).toEqual({ status: 0, signal: null, stdout: 'zero\n' });
      },
    );

    test.each([
      ['a fault elsewhere', 'ends it, as it would have', 'default other', null, 'SIGBUS', ''],
      ['a sent one', 'ends it, as it would have', 'default sent', null, 'SIGBUS', ''],
      ['a fault elsewhere', 'ends it, although it ignores those that are sent', 'ignored other', null, 'SIGBUS', ''],
      ['a sent one', 'is ignored, as it was', 'ignored sent', 0, null, 'going on\n'],
      ['a fault elsewhere', 'reaches the handler that there was', 'handler other', 0, null, 'handler\n'],
      ['a sent one', 'reaches the handler that there was', 'handler sent', 0, null, 'handler\n'],
      ['a fault elsewhere', 'reaches it with all it asked for', 'action other', 0, null, 'action\ngoing on\n'],
      ['a fault elsewhere', 'reaches it with no more', 'action-nodefer other', 0, null, 'action\ngoing on\n'],
    ])('leaves that as it was: %s %s', (_what, _how, scenario, status, signal, stdout) => {
      expect(run(scenario)).toEqual({ status, signal, stdout });
    });

    test.skipIf(platform !== 'linux')(
      'ends the process where there is no memory for zeros either (on Linux alone, which can limit that)',
      () => {
        expect(run('no-memory view')).toEqual({ status: null, signal: 'SIGBUS', stdout: '' });
      },
    );

    test.skipIf(platform !== 'linux')(
      'is met by a forked child, too, while another thread of its parent met it (on Linux alone, for its mmap)',
      () => {
        const { status, signal } = spawnSync(programPath('forks_in_handler'), { timeout: 50_000 });
        expect({ status, signal }).toEqual({ status: 0, signal: null });
      },
    );

    test('loses nothing that one of several threads wrote where all met it at once', () => {
      expect(run('threads')).toEqual({ status: 0, signal: null, stdout: '' });
    });
  });
});
