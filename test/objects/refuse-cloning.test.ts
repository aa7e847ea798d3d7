import { serialize } from 'node:v8';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { FileMapping, loadSharedMem } from '../../dist/index.js';

describe('What holds something cannot be sent to another thread or process', () => {
  using mapping = FileMapping.create(null, 4096);
  using view = mapping.mapView();
  using sharedMem = loadSharedMem();

  test.each([
    ['a FileMapping', mapping],
    ['a MappedView', view],
    ['a SharedMem', sharedMem],
  ])('%s', (_, held) => {
    const { port1 } = new MessageChannel();
    expect(() => port1.postMessage(held)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    expect(() => structuredClone({ within: [held] })).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    // With which child_process sends, too, if it is told to.
    expect(() => serialize(held)).toThrow('could not be cloned');
    port1.close();
  });
});
