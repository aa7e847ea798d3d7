import { NamedEvent, NamedMutex, NamedSemaphore, waitAny } from 'dllmemfilemap';
import { describe, expect, test } from 'vitest';
import { hexFromText, Peer } from '../peer.js';
import { ABORTED, freeName, kept, TIMED_OUT, wrong } from './kept.js';

const event = (initial = false) => kept(NamedEvent.create(null, { initial }));
const mutex = () => kept(NamedMutex.create(freeName()));
const semaphore = (initial: number) => kept(NamedSemaphore.create(null, { initial, maximum: 9 }));

describe('waitAny', () => {
  test('takes the first of those that are signalled, and leaves the others as they are', async () => {
    const objects = [event(), event(true), semaphore(1), mutex(), event(true)] as const;
    expect(await waitAny(objects)).toEqual({ index: 1 });
    expect(await waitAny(objects)).toEqual({ index: 2 });
    const third = await waitAny(objects);
    expect(third).toEqual({ index: 3, lock: expect.objectContaining({ abandoned: false }) });
    expect(await waitAny(objects)).toEqual({ index: 4 });
    await expect(waitAny(objects, { timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
    third.lock?.release();
    using lock = objects[3].acquireSync();
    expect(lock.abandoned).toBe(false);
  });

  test('takes the one that is signalled while it waits, and leaves the others to others', async () => {
    const [first, second, third] = [event(), semaphore(0), event()];
    const waiting = waitAny([first, second, third]);
    const other = waitAny([third, second]);
    second.release();
    expect(await waiting).toEqual({ index: 1 });
    first.set();
    expect(first.tryWait()).toBe(true);
    third.set();
    expect(await other).toEqual({ index: 0 });
  });

  test('takes a mutex that this thread has as soon as it is released', async () => {
    const [lockable, signal] = [mutex(), event()];
    const lock = await lockable.acquire();
    const waiting = waitAny([signal, lockable]);
    const next = lockable.acquire();
    lock.release();
    const taken = await waiting;
    expect(taken.index).toBe(1);
    taken.lock?.release();
    (await next).release();
  });

  test('takes no mutex that is released just after it has taken another object', async () => {
    const [lockable, signal] = [mutex(), event()];
    for (let i = 0; i < 50; i++) {
      const lock = await lockable.acquire({ timeout: 50_000 });
      const waiting = waitAny([signal, lockable]);
      await new Promise(setImmediate);
      signal.set();
      // Which it may take or not while this thread is busy.
      for (const end = performance.now() + (i % 10) / 5; performance.now() < end; );
      lock.release();
      const taken = await waiting;
      taken.lock?.release();
      if (taken.index === 1) expect(signal.tryWait()).toBe(true);
    }
    lockable.acquireSync({ timeout: 50_000 }).release();
  });

  test('does not hold up a mutex that it waited for beside what it took', async () => {
    const [lockable, signal] = [mutex(), event()];
    const lock = await lockable.acquire();
    const waiting = waitAny([lockable, signal]);
    const next = lockable.acquire();
    signal.set();
    expect(await waiting).toEqual({ index: 1 });
    lock.release();
    (await next).release();
  });

  test('takes a mutex as abandoned whose owner was killed', async () => {
    const [lockable, signal] = [mutex(), event()];
    const owner = await Peer.start('Node', 'waiting');
    await owner.ask(`mutex ${hexFromText(lockable.name as string)}`);
    expect(await owner.ask('wait 0')).toBe('ok');
    const waiting = waitAny([signal, lockable]);
    await owner.kill();
    const { index, lock } = await waiting;
    expect([index, lock?.abandoned]).toEqual([1, true]);
    lock?.release();
  });

  test('takes an object that stands in the list twice at its first place', async () => {
    const [lockable, signal] = [mutex(), event()];
    const lock = await lockable.acquire();
    const waits = [waitAny([signal, signal]), waitAny([lockable, lockable])];
    lock.release();
    signal.set();
    expect(await waits[0]).toEqual({ index: 0 });
    const taken = await waits[1];
    expect(taken?.index).toBe(0);
    taken?.lock?.release();
    lockable.acquireSync().release();
  });

  test('is aborted, and rejected when one of its objects is closed, and takes nothing then', async () => {
    const objects = [event(), mutex(), event()] as const;
    const lock = await objects[1].acquire();
    const controller = new AbortController();
    const aborted = waitAny(objects, { signal: controller.signal });
    const closed = waitAny(objects);
    controller.abort();
    await expect(aborted).rejects.toMatchObject(ABORTED);
    objects[2].close();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    await expect(waitAny(objects)).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    lock.release();
    objects[1].acquireSync().release();
  });

  test('takes 63 objects, and refuses 64 and none', async () => {
    const objects = Array.from({ length: 64 }, () => event());
    const waiting = waitAny(objects.slice(1));
    objects[63]?.set();
    expect(await waiting).toEqual({ index: 62 });
    await expect(waitAny(objects)).rejects.toThrow(RangeError);
    await expect(waitAny([])).rejects.toThrow(RangeError);
  });

  test.each([null, 5, 'ab', {}, [null], [{}], [5], [undefined]])('refuses %j', async (objects) => {
    await expect(waitAny(wrong(objects))).rejects.toThrow(TypeError);
  });
});
