import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import {
  FileMapping,
  getSharedMem,
  loadSharedMem,
  MAX_CHARACTERS,
  SHMEMSIZE,
  setSharedMem,
  unloadSharedMem,
} from '../../dist/index.js';
import { dllPath } from '../../dist/win32/native-library.js';
import { LANGUAGES, Peer } from '../peer.js';

const index = new URL('../../dist/index.js', import.meta.url).href;

/** Runs a module in a Node process of its own, with `api` imported, and returns what it printed. */
function runNode(code: string, args: readonly string[] = []): string {
  const source = `const api = await import(${JSON.stringify(index)});\n${code}`;
  const { stdout, stderr, status, signal } = spawnSync(
    process.execPath,
    [...args, '--input-type=module', '-e', source],
    { encoding: 'utf8', timeout: 50_000 },
  );
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return stdout.trimEnd();
}

/** What a new process finds when it is the next one to attach. */
async function readByNewProcess(): Promise<string> {
  const peer = await Peer.start('C++', 'dll');
  const text = await peer.get();
  await peer.end();
  return text;
}

const every = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i)).join('');

afterEach(() => unloadSharedMem());

describe('The memory', () => {
  test('is 4096 bytes: 2047 characters and the terminator', () => {
    expect(SHMEMSIZE).toBe(4096);
    expect(MAX_CHARACTERS).toBe(2047);
    setSharedMem('');
    using mapping = FileMapping.open('dllmemfilemap');
    expect(mapping.size).toBe(SHMEMSIZE);
  });

  test('is a null-terminated UTF-16 string at offset 0', () => {
    setSharedMem('aé😀');
    using mapping = FileMapping.open('dllmemfilemap');
    using view = mapping.mapView({ access: 'read' });
    expect([...new Uint16Array(view.snapshot(0, 10).buffer)]).toEqual([0x61, 0xe9, 0xd83d, 0xde00, 0]);
  });

  test('is the object of its name without a prefix, and so of Local\\', () => {
    setSharedMem('x');
    using mapping = FileMapping.open('Local\\dllmemfilemap');
    using view = mapping.mapView();
    expect(view.readString()).toBe('x');
    expect(() => FileMapping.open('Global\\dllmemfilemap')).toThrow('ERROR_FILE_NOT_FOUND');
  });

  test('reads as zeros when the first process attaches', async () => {
    const peer = await Peer.start('C++', 'dll');
    using mapping = FileMapping.open('dllmemfilemap');
    using view = mapping.mapView({ access: 'read' });
    expect(view.snapshot()).toEqual(new Uint8Array(SHMEMSIZE));
    await peer.end();
  });

  test.each(LANGUAGES.flatMap((writer) => LANGUAGES.map((reader) => ({ writer, reader }))))(
    'that $writer writes is what $reader reads',
    async ({ writer, reader }) => {
      const [from, to] = await Promise.all([Peer.start(writer, 'dll'), Peer.start(reader, 'dll')]);
      await from.set('one way 😀');
      expect(await to.get()).toBe('one way 😀');
      await to.set('and the other');
      expect(await from.get()).toBe('and the other');
    },
  );

  test.each(LANGUAGES)('keeps its text as long as a %s process holds on, and no longer', async (language) => {
    const writer = await Peer.start('Node', 'dll');
    await writer.set('kept');
    const holder = await Peer.start(language, 'dll');
    await writer.end();
    expect(await readByNewProcess()).toBe('kept');
    await holder.end();
    expect(await readByNewProcess()).toBe('');
  });

  test.each(LANGUAGES)('is gone at once when a %s process that alone held it is killed', async (language) => {
    const holder = await Peer.start(language, 'dll');
    await holder.set('lost');
    await holder.kill();
    expect(() => FileMapping.open('dllmemfilemap')).toThrow('ERROR_FILE_NOT_FOUND');
    expect(await readByNewProcess()).toBe('');
  });

  test('survives the kill of a process that did not hold it alone', async () => {
    const [killed, holder] = await Promise.all([Peer.start('C++', 'dll'), Peer.start('Node', 'dll')]);
    await killed.set('kept');
    await killed.kill();
    expect(await holder.get()).toBe('kept');
    expect(await readByNewProcess()).toBe('kept');
  });

  test('is cleared by nobody who attaches later', async () => {
    const writer = await Peer.start('C++', 'dll');
    await writer.set('written before');
    await Peer.startAll(4, 'C++', 'dll');
    expect(await writer.get()).toBe('written before');
  });

  test.each([1, 2, 3, 4, 5])(
    'has exactly one first process of eight that attach at the same moment, and loses no write of theirs (round %i)',
    async () => {
      const peers = await Promise.all(LANGUAGES.map((language) => Peer.startAll(4, language, 'mapping'))).then((all) =>
        all.flat(),
      );
      const answers = await Promise.all(
        peers.map(async (peer, i) => {
          const answer = await peer.create('dllmemfilemap', SHMEMSIZE);
          await peer.ask(`write ${i} ${i + 1}`);
          return answer;
        }),
      );
      expect(answers.filter((answer) => answer === 'ok created')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'ok opened')).toHaveLength(7);
      for (const peer of peers) {
        for (let i = 0; i < peers.length; i++) expect(await peer.ask(`read ${i}`)).toBe(`ok ${i + 1}`);
      }
    },
  );

  test('is shared by eight processes that load the DLL at the same moment', async () => {
    const peers = (await Promise.all(LANGUAGES.map((language) => Peer.startAll(4, language, 'dll')))).flat();
    for (const [i, peer] of peers.entries()) {
      await peer.set(`from ${i}`);
      expect(await Promise.all(peers.map((other) => other.get()))).toEqual(peers.map(() => `from ${i}`));
    }
  });
});

describe('SetSharedMem and GetSharedMem', () => {
  test('keep 2047 characters of a longer string', async () => {
    const peer = await Peer.start('C++', 'dll');
    await peer.set('x'.repeat(2047));
    expect(await peer.get()).toBe('x'.repeat(2047));
    await peer.set(`${'y'.repeat(2047)}${'z'.repeat(3000)}`);
    expect(await peer.get()).toBe('y'.repeat(2047));
  });

  test('return at most cchSize - 1 characters, terminated, and touch nothing past them', async () => {
    const peer = await Peer.start('C++', 'dll');
    await peer.set('abcdef');
    for (const size of [1, 2, 3, 6, 7, 8, 2047, 2048, 2049, 5000]) {
      expect(await peer.get(size)).toBe('abcdef'.slice(0, size - 1));
    }
  });

  test('write nothing for a cchSize of 0, and do nothing with a null pointer', async () => {
    const peer = await Peer.start('C++', 'dll');
    await peer.set('there');
    expect(await peer.ask('get 0')).toBe('ok');
    expect(await peer.ask('get-null')).toBe('ok');
    expect(await peer.ask('set-null')).toBe('ok');
    expect(await peer.get()).toBe('there');
  });

  test('do not read past the 4096 bytes if somebody left no terminator there', async () => {
    const peer = await Peer.start('C++', 'dll');
    using mapping = FileMapping.open('dllmemfilemap');
    using view = mapping.mapView();
    view.writeBytes(new Uint8Array(view.length).fill(0x41));
    const everything = '\u4141'.repeat(2048);
    expect(await peer.get(5000)).toBe(everything);
    expect(await peer.get(2048)).toBe(everything.slice(1));
    expect(getSharedMem()).toBe(everything);
  });

  test('leave no rest of a longer text behind', () => {
    setSharedMem('a longer text');
    setSharedMem('short');
    expect(getSharedMem()).toBe('short');
  });

  test.each([
    ['the empty string', ''],
    ['an emoji', '😀'],
    ['a lone high surrogate', 'a\ud83d'],
    ['a lone low surrogate', '\ude00b'],
    ['the longest text', 'ü'.repeat(2047)],
  ])('bring %s back as it went in', (_, text) => {
    setSharedMem(text);
    expect(getSharedMem()).toBe(text);
  });

  test('bring all of U+0001 to U+FFFF back as they went in', () => {
    for (let from = 1; from <= 0xffff; from += MAX_CHARACTERS) {
      const text = every(from, Math.min(from + MAX_CHARACTERS - 1, 0xffff));
      setSharedMem(text);
      expect(getSharedMem()).toBe(text);
    }
  });
});

describe('setSharedMem', () => {
  test.each([
    ['a text with U+0000 in it', 'a\0b', TypeError, 'there is one at 1'],
    ['a text of 2048 characters', 'x'.repeat(2048), RangeError, 'at most 2047 characters: it has 2048'],
    ['a number', 42, TypeError, 'it is 42'],
    ['undefined', undefined, TypeError, 'it is undefined'],
    ['null', null, TypeError, 'it is null'],
    ['a String object', Object('x'), TypeError, 'it is an object'],
  ])('refuses %s, and leaves the memory as it was', (_, text, kind, message) => {
    setSharedMem('before');
    const attempt = () => setSharedMem(text as string);
    expect(attempt).toThrow(kind);
    expect(attempt).toThrow(message);
    expect(getSharedMem()).toBe('before');
  });
});

describe('getSharedMem', () => {
  test('returns all of the text, or at most cchSize - 1 characters', () => {
    setSharedMem('abcdef');
    expect(getSharedMem()).toBe('abcdef');
    expect(getSharedMem(undefined)).toBe('abcdef');
    expect(getSharedMem(1)).toBe('');
    expect(getSharedMem(4)).toBe('abc');
    expect(getSharedMem(Number.MAX_SAFE_INTEGER)).toBe('abcdef');
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, {}, 5n])(
    'refuses a cchSize of %s with a RangeError',
    (cchSize) => {
      expect(() => getSharedMem(cchSize as number)).toThrow(RangeError);
    },
  );
});

describe('The loaded DLL', () => {
  test('comes with the first call, and not with the import', () => {
    const found = runNode(`
      const exists = () => { try { api.FileMapping.open('dllmemfilemap').close(); return true; } catch { return false; } };
      console.log(exists());
      api.getSharedMem();
      console.log(exists());
    `);
    expect(found).toBe('false\ntrue');
  });

  test('stays until unloadSharedMem, and can be loaded again', () => {
    setSharedMem('first time');
    expect(getSharedMem()).toBe('first time');
    unloadSharedMem();
    expect(() => FileMapping.open('dllmemfilemap')).toThrow('ERROR_FILE_NOT_FOUND');
    expect(getSharedMem()).toBe('');
    unloadSharedMem();
    unloadSharedMem();
  });

  test('is not unloaded by garbage collection', () => {
    const text = runNode(
      `
      api.setSharedMem('kept');
      (() => { api.loadSharedMem(); })();
      for (let i = 0; i < 20; i++) { gc(); await new Promise(setImmediate); }
      api.FileMapping.open('dllmemfilemap').close();
      api.unloadSharedMem();
      api.FileMapping.open('dllmemfilemap').close();
      console.log(api.getSharedMem());
    `,
      ['--expose-gc'],
    );
    expect(text).toBe('kept');
  });

  test('counts loadSharedMem as LoadLibrary counts its calls', () => {
    const first = loadSharedMem();
    const second = loadSharedMem();
    first.set('kept');
    first.unload();
    first.unload();
    expect(second.get()).toBe('kept');
    second.unload();
    expect(() => FileMapping.open('dllmemfilemap')).toThrow('ERROR_FILE_NOT_FOUND');
  });

  test('goes with its scope when it is held with using', () => {
    {
      using sharedMem = loadSharedMem();
      sharedMem.set('scoped');
      expect(sharedMem.get()).toBe('scoped');
    }
    expect(() => FileMapping.open('dllmemfilemap')).toThrow('ERROR_FILE_NOT_FOUND');
  });

  test('says so when it is used after unload', () => {
    const sharedMem = loadSharedMem();
    sharedMem.unload();
    expect(() => sharedMem.get()).toThrow(expect.objectContaining({ code: 'ERR_USE_AFTER_CLOSE' }));
    expect(() => sharedMem.set('x')).toThrow(expect.objectContaining({ code: 'ERR_USE_AFTER_CLOSE' }));
  });

  test('is shared with worker threads, which may come and go', async () => {
    setSharedMem('from the main thread');
    const code = `
      import { parentPort } from 'node:worker_threads';
      const { getSharedMem, setSharedMem } = await import(${JSON.stringify(index)});
      parentPort.postMessage(getSharedMem());
      setSharedMem('from a worker');
    `;
    for (let round = 0; round < 3; round++) {
      setSharedMem('from the main thread');
      const workers = [1, 2].map(() => new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`)));
      const read = await Promise.all(
        workers.map(async (worker) => {
          const ended = once(worker, 'exit');
          const [text] = await once(worker, 'message');
          await ended;
          return text;
        }),
      );
      expect(read).toContain('from the main thread');
      expect(getSharedMem()).toBe('from a worker');
    }
  });

  test('has a path that is the build for this platform', () => {
    expect(pathToFileURL(dllPath()).href).toContain('/build/');
  });
});

test('getSharedMem ends at the first U+0000, whoever writes meanwhile', () => {
  const writer = `
    import { workerData } from 'node:worker_threads';
    const { setSharedMem } = await import(${JSON.stringify(index)});
    const texts = [2000, 100, 700, 40].map((length) => 'x'.repeat(length));
    while (workerData[0] === 0) for (const text of texts) setSharedMem(text);`;
  const code = `
    import { Worker } from 'node:worker_threads';
    const workerData = new Int32Array(new SharedArrayBuffer(4));
    new Worker(${JSON.stringify(writer)}, { eval: true, workerData, execArgv: ['--input-type=module'] });
    while (api.getSharedMem() === '') await new Promise(setImmediate);
    let wrong = 0;
    for (let i = 0; i < 300_000; i++) if (api.getSharedMem().includes('\\0')) wrong++;
    workerData[0] = 1;
    console.log(wrong);`;
  expect(runNode(code)).toBe('0');
});
