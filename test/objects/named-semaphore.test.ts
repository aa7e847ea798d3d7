import { NamedSemaphore } from 'dllmemfilemap';
import { describe, expect, test } from 'vitest';
import { hexFromText, LANGUAGES, Peer } from '../peer.js';
import { freeName, kept, TIMED_OUT, wrong } from './kept.js';

const created = (initial: number, maximum: number, name: string | null = freeName()) =>
  kept(NamedSemaphore.create(name, { initial, maximum }));

describe('A semaphore', () => {
  test('is acquired as often as its count says', () => {
    const semaphore = created(2, 3);
    expect(semaphore.release()).toBe(2);
    semaphore.acquireSync();
    expect([semaphore.tryAcquire(), semaphore.tryAcquire(), semaphore.tryAcquire()]).toEqual([true, true, false]);
    expect(() => semaphore.acquireSync({ timeout: 1 })).toThrow(expect.objectContaining(TIMED_OUT));
  });

  test('ends as many waits as it is released, in order', async () => {
    const semaphore = created(0, 10);
    const order: number[] = [];
    const waits = [0, 1, 2, 3].map((i) => semaphore.acquire().then(() => order.push(i)));
    expect(semaphore.release(3)).toBe(0);
    await Promise.all(waits.slice(0, 3));
    expect(order).toEqual([0, 1, 2]);
    await expect(semaphore.acquire({ timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
    semaphore.release();
    await waits[3];
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test('refuses a release past its maximum as a whole', () => {
    const semaphore = created(1, 3);
    const error = { code: 'ERROR_TOO_MANY_POSTS', errno: 298, syscall: 'ReleaseSemaphore', path: semaphore.name };
    expect(() => semaphore.release(3)).toThrow(expect.objectContaining(error));
    expect(semaphore.release(2)).toBe(1);
  });

  test.each([0, -1, 1.5, 2 ** 31, Number.NaN])('refuses to be released by %s', (count) => {
    expect(() => created(0, 1).release(count)).toThrow(RangeError);
  });

  test.each([
    [-1, 1, RangeError],
    [2, 1, RangeError],
    [0, 0, RangeError],
    [0, 2 ** 31, RangeError],
    [undefined, 1, TypeError],
    [0, '1', TypeError],
  ])('refuses the initial count %s of %s', (initial, maximum, error) => {
    expect(() => created(wrong(initial), wrong(maximum))).toThrow(error);
  });

  test.each(LANGUAGES)('counts what a %s program takes and gives', async (language) => {
    const semaphore = created(1, 2 ** 31 - 1);
    const peer = await Peer.start(language, 'waiting');
    expect(await peer.ask(`semaphore ${hexFromText(semaphore.name as string)} 0 1`)).toBe('ok');
    expect(await peer.ask('wait 0')).toBe('ok');
    expect(await peer.ask('wait 0')).toBe('error 258');
    const waits = Promise.all([semaphore.acquire(), semaphore.acquire()]);
    expect(await peer.ask('post 2')).toBe('ok 0');
    await waits;
    expect(await peer.ask('post 5')).toBe('ok 0');
    expect(semaphore.release(1)).toBe(5);
  });
});
