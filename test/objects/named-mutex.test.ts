import { FileMapping, NamedMutex } from 'dllmemfilemap';
import { describe, expect, test } from 'vitest';
import { hexFromText, LANGUAGES, Peer } from '../peer.js';
import { ABORTED, freeName, kept, TIMED_OUT } from './kept.js';

const created = (name: string | null = freeName()) => kept(NamedMutex.create(name));
const held = async (mutex: NamedMutex) => kept(await mutex.acquire());

/** A program that knows the mutex. */
async function peerOf({ name }: NamedMutex, language: (typeof LANGUAGES)[number] = 'Node') {
  const peer = await Peer.start(language, 'waiting');
  expect(await peer.ask(`mutex ${hexFromText(name as string)}`)).toBe('ok');
  return peer;
}

describe('A mutex', () => {
  test('is acquired once at a time, whichever handle it is acquired by', async () => {
    const mutex = created();
    const handles = [mutex, created(mutex.name), created((mutex.name as string).replace('Local\\', ''))];
    for (const first of handles) {
      const lock = await held(first);
      for (const second of handles) {
        expect(second.tryAcquire()).toBeUndefined();
        await expect(second.acquire({ timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
      }
      lock.release();
    }
    expect(kept(mutex.acquireSync())).toMatchObject({ abandoned: false });
    expect(handles[1]?.tryAcquire()).toBeUndefined();
  });

  test('is acquired in the order in which one thread asked, whether or not another process has it', async () => {
    const mutex = created();
    const same = created(mutex.name);
    const peer = await peerOf(mutex);
    expect(await peer.ask('wait 0')).toBe('ok');
    const order: number[] = [];
    const acquirers = [mutex, same, mutex, same].map(async (handle, i) => {
      using _lock = await handle.acquire();
      order.push(i);
      await new Promise(setImmediate);
      expect(order.at(-1)).toBe(i);
    });
    expect(await peer.ask('unlock')).toBe('ok');
    await Promise.all(acquirers);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test.each(LANGUAGES)('is acquired when a %s program releases it, and the other way round', async (language) => {
    const mutex = created();
    const peer = await peerOf(mutex, language);
    expect(await peer.ask('wait 0')).toBe('ok');
    expect(mutex.tryAcquire()).toBeUndefined();
    expect(() => mutex.acquireSync({ timeout: 1 })).toThrow(expect.objectContaining(TIMED_OUT));
    const waiting = mutex.acquire();
    expect(await peer.ask('unlock')).toBe('ok');
    const lock = kept(await waiting);
    expect(lock.abandoned).toBe(false);
    expect(await peer.ask('wait 0')).toBe('error 258');
    lock.release();
    expect(await peer.ask('wait 0')).toBe('ok');
  });

  test.each(LANGUAGES)('that a killed %s program owned is acquired as abandoned, once', async (language) => {
    const mutex = created();
    const peer = await peerOf(mutex, language);
    for (const acquire of [() => mutex.acquire(), () => mutex.acquireSync()]) {
      const owner = await peerOf(mutex, language);
      expect(await owner.ask('wait 0')).toBe('ok');
      await owner.kill();
      using lock = await acquire();
      expect(lock.abandoned).toBe(true);
    }
    expect(await peer.ask('wait 0')).toBe('ok');
  });

  test.each(LANGUAGES)(
    'is acquired as abandoned when its owner, a %s program, is killed meanwhile',
    async (language) => {
      const mutex = created();
      const owner = await peerOf(mutex, language);
      expect(await owner.ask('wait 0')).toBe('ok');
      const waiting = mutex.acquire();
      await expect(mutex.acquire({ timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
      await owner.kill();
      const lock = await waiting;
      expect(lock.abandoned).toBe(true);
      lock.release();
      expect(kept(await mutex.acquire()).abandoned).toBe(false);
    },
  );

  test('is released when release returns, however it was acquired, and a second release does nothing', async () => {
    const mutex = created();
    const peer = await peerOf(mutex);
    expect(await peer.ask('wait 0')).toBe('ok');
    const waiting = mutex.acquire();
    expect(await peer.ask('unlock')).toBe('ok');
    for (const acquire of [() => waiting, () => mutex.acquire(), () => mutex.acquireSync()]) {
      const lock = await acquire();
      expect(await peer.ask('wait 0')).toBe('error 258');
      lock.release();
      expect(await peer.ask('wait 0')).toBe('ok');
      lock.release();
      expect(mutex.tryAcquire()).toBeUndefined();
      expect(await peer.ask('unlock')).toBe('ok');
    }
  });

  test('that this thread has, or waits for, is not waited for by blocking it', async () => {
    const mutex = created();
    const lock = await held(mutex);
    const deadlock = expect.objectContaining({ code: 'ERROR_POSSIBLE_DEADLOCK', errno: 1131, path: mutex.name });
    expect(() => created(mutex.name).acquireSync({ timeout: 60_000 })).toThrow(deadlock);
    expect(() => mutex.acquireSync()).toThrow(deadlock);
    expect(() => mutex.acquireSync({ timeout: 0 })).toThrow(expect.objectContaining(TIMED_OUT));
    lock.release();
    const peer = await peerOf(mutex);
    expect(await peer.ask('wait 0')).toBe('ok');
    const waiting = mutex.acquire();
    expect(() => mutex.acquireSync()).toThrow(deadlock);
    await peer.ask('unlock');
    (await waiting).release();
    mutex.acquireSync().release();
  });

  test('is not acquired with a signal that is aborted already', async () => {
    const mutex = created();
    const aborted = mutex.acquire({ signal: AbortSignal.abort('enough') });
    await expect(aborted).rejects.toMatchObject({ ...ABORTED, cause: 'enough' });
    expect(kept(mutex.acquireSync()).abandoned).toBe(false);
  });

  test('leaves its turn to the next one when an acquirer is aborted or its time has passed', async () => {
    const mutex = created();
    const lock = await held(mutex);
    const controller = new AbortController();
    const aborted = mutex.acquire({ signal: controller.signal });
    const late = mutex.acquire({ timeout: 1 });
    const next = mutex.acquire();
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toMatchObject({ ...ABORTED, cause: new Error('enough') });
    await expect(late).rejects.toMatchObject({ ...TIMED_OUT, path: mutex.name, syscall: 'WaitForSingleObject' });
    lock.release();
    (await next).release();
  });

  test('leaves its turn to the next one when an acquirer that another process held up is aborted', async () => {
    const mutex = created();
    const peer = await peerOf(mutex);
    expect(await peer.ask('wait 0')).toBe('ok');
    const controller = new AbortController();
    const aborted = mutex.acquire({ signal: controller.signal });
    const next = mutex.acquire();
    await expect(mutex.acquire({ timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
    controller.abort();
    await expect(aborted).rejects.toMatchObject(ABORTED);
    expect(await peer.ask('unlock')).toBe('ok');
    (await next).release();
  });

  test('that is closed rejects those who wait for it by that handle, and no others', async () => {
    const mutex = created();
    const same = created(mutex.name);
    const lock = await held(same);
    const [first, second, other] = [mutex.acquire(), mutex.acquire(), same.acquire()];
    mutex.close();
    await expect(first).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    await expect(second).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    lock.release();
    (await other).release();
  });

  test('that is closed while another process has it rejects those who wait, and is gone', async () => {
    const mutex = created();
    const peer = await peerOf(mutex);
    expect(await peer.ask('wait 0')).toBe('ok');
    const [first, second] = [mutex.acquire(), mutex.acquire()];
    await expect(mutex.acquire({ timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
    mutex.close();
    await expect(first).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    await expect(second).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    await peer.kill();
    expect(() => NamedMutex.open(mutex.name as string)).toThrow(/ERROR_FILE_NOT_FOUND/);
  });

  test('that is closed while it is locked stays locked, and open, until the lock is released', async () => {
    const mutex = created();
    const lock = await held(mutex);
    mutex.close();
    using same = NamedMutex.open(mutex.name as string);
    expect(same.tryAcquire()).toBeUndefined();
    lock.release();
    expect(kept(same.acquireSync()).abandoned).toBe(false);
    same.close();
  });

  test.each(LANGUAGES)('guards a number that this thread and %s programs count up', async (language) => {
    const mutex = created();
    const view = kept(kept(FileMapping.create(null, 4096)).mapView());
    const numbers = new Int32Array(view.bytes.buffer);
    const peer = await peerOf(mutex, language);
    let turns = 0;
    const acquirers = [mutex, created(mutex.name), mutex].map(async (handle) => {
      for (let i = 0; i < 20; i++) {
        using _lock = await handle.acquire();
        const number = numbers[0] as number;
        await new Promise(setImmediate);
        numbers[0] = number + 1;
      }
    });
    const rival = (async () => {
      for (; turns < 20; turns++) {
        expect(await peer.ask('wait 60000')).toBe('ok');
        expect(mutex.tryAcquire()).toBeUndefined();
        expect(await peer.ask('unlock')).toBe('ok');
      }
    })();
    await Promise.all([...acquirers, rival]);
    expect([numbers[0], turns]).toEqual([60, 20]);
  });
});
