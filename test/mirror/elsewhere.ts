import type { Mirror, MirrorOptions } from 'dllmemfilemap/mirror';
import { expect, onTestFinished } from 'vitest';
import { connectTo } from '../../dist/mirror/connection.js';
import { settingsOf } from '../../dist/mirror/options.js';
import { Store } from '../../dist/mirror/store.js';

/** What another machine's mirror would read and store. */
export async function elsewhere(url: string, options: MirrorOptions): Promise<Store> {
  const settings = settingsOf(url, options);
  const connection = await connectTo(settings, { reached() {}, unreachable() {}, warn() {} });
  const store = await Store.open(connection, settings);
  onTestFinished(() => store.close());
  return store;
}

/** The next time that the mirror says that it has sent something. */
export const sent = (mirrored: Mirror) => new Promise<void>((resolve) => mirrored.on('sent', () => resolve()));

/** Stores a value as another machine that has written it right after the last one. */
export async function write(store: Store, section: string, kind: 'text' | 'bytes', bytes: Buffer): Promise<void> {
  const last = await store.read(section);
  const time = (last?.value?.time ?? 0) + 1;
  const value = { kind, time, origin: '0'.repeat(16), length: bytes.length, chunks: [], bytes };
  expect(await store.write(section, value, last?.sequence ?? 0)).toBeGreaterThan(0);
}
