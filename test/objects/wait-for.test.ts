import { randomUUID } from 'node:crypto';
import { FileMapping } from 'dllmemfilemap';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LANGUAGES, Peer } from '../peer.js';

const freeName = () => `Local\\${randomUUID()}`;

function kept<T extends Disposable>(disposable: T): T {
  onTestFinished(() => disposable[Symbol.dispose]());
  return disposable;
}

describe('FileMapping.waitFor', () => {
  test('opens at once what is there', async () => {
    const name = freeName();
    kept(FileMapping.create(name, 4096));
    const mapping = kept(await FileMapping.waitFor(name, { access: 'read', timeout: 0 }));
    expect(mapping).toMatchObject({ name, created: false, access: 'read' });
  });

  test.each(LANGUAGES)('opens what a process in %s creates later', async (language) => {
    const name = freeName();
    const peer = await Peer.start(language, 'mapping');
    const waiting = FileMapping.waitFor(name, { interval: 5 });
    expect(await peer.create(name, 4096)).toBe('ok created');
    expect(kept(await waiting).size).toBe(4096);
  });

  test('creates nothing, and keeps nothing alive', async () => {
    const name = freeName();
    const stop = new AbortController();
    const waiting = FileMapping.waitFor(name, { interval: 1, signal: stop.signal }).catch((error) => error);
    const peer = await Peer.start('C++', 'mapping');
    expect(await peer.open(name)).toBe('error 2');
    stop.abort();
    await waiting;
    expect(await peer.open(name)).toBe('error 2');
  });

  test('is rejected when the time has passed', async () => {
    const name = freeName();
    await expect(FileMapping.waitFor(name, { timeout: 20, interval: 5 })).rejects.toMatchObject({
      name: 'Win32Error',
      code: 'WAIT_TIMEOUT',
      errno: 258,
      syscall: 'OpenFileMappingW',
      path: name,
      message: expect.stringContaining('20 ms'),
    });
  });

  test('is rejected with an AbortError when the signal is aborted, or already was', async () => {
    const reason = new Error('enough');
    const stop = new AbortController();
    const waiting = FileMapping.waitFor(freeName(), { signal: stop.signal });
    stop.abort(reason);
    const expected = { name: 'AbortError', code: 'ABORT_ERR', cause: reason };
    await expect(waiting).rejects.toMatchObject(expected);
    const name = freeName();
    kept(FileMapping.create(name, 4096));
    await expect(FileMapping.waitFor(name, { signal: stop.signal })).rejects.toMatchObject(expected);
  });

  test('is rejected with what else is wrong', async () => {
    await expect(FileMapping.waitFor('a\\b')).rejects.toMatchObject({ code: 'ERROR_PATH_NOT_FOUND' });
    await expect(FileMapping.waitFor('x'.repeat(261))).rejects.toBeInstanceOf(RangeError);
    const options = [{ interval: 0 }, { interval: 2 ** 31 }, { timeout: -1 }, { timeout: 1.5 }];
    for (const each of options) await expect(FileMapping.waitFor('x', each)).rejects.toBeInstanceOf(RangeError);
    for (const each of [null, { interval: '5' }, { timeout: null }, { signal: {} }, { access: 'all' }]) {
      await expect(FileMapping.waitFor('x', each as object)).rejects.toBeInstanceOf(TypeError);
    }
  });
});

describe('FileMapping.create with atLeast', () => {
  test('makes an object, or joins one that is large enough', () => {
    const name = freeName();
    expect(kept(FileMapping.create(name, 8192, { atLeast: true })).created).toBe(true);
    const joined = kept(FileMapping.create(name, 8000, { atLeast: true }));
    expect(joined).toMatchObject({ created: false, size: 8192 });
  });

  test('throws an error that names both sizes instead of joining a smaller one, and keeps nothing alive', async () => {
    const name = freeName();
    const peer = await Peer.start('C++', 'mapping');
    await peer.create(name, 4096);
    expect(() => FileMapping.create(name, 65_536, { atLeast: true })).toThrow(
      expect.objectContaining({
        code: 'ERROR_BAD_LENGTH',
        path: name,
        message: expect.stringMatching(/it has 4096 bytes, and 65536 were asked for/),
      }),
    );
    await peer.kill();
    expect(() => FileMapping.open(name)).toThrow(expect.objectContaining({ code: 'ERROR_FILE_NOT_FOUND' }));
  });

  test('refuses what is no boolean', () => {
    expect(() => FileMapping.create(null, 1, { atLeast: 1 as never })).toThrow(TypeError);
  });
});
