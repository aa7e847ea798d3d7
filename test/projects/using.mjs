import { FileMapping, loadSharedMem, watchSharedMem } from 'dllmemfilemap';

test('a mapping and a view are closed by what stands for "using" here', async () => {
  const mapping = FileMapping.create(null, 4096);
  const view = mapping.mapView();
  for (const held of [view, mapping]) held[Symbol.dispose ?? Symbol.for('Symbol.dispose')]();
  expect(() => mapping.size).toThrow('closed');
  expect(view.bytes.length).toBe(0);
});

test('what this package does itself with "using" works', async () => {
  const mapping = FileMapping.create(null, 4096, { security: 'everyone-read' });
  expect(mapping.size).toBeGreaterThanOrEqual(4096);
  mapping.close();
  const sharedMem = loadSharedMem();
  sharedMem.set('text');
  for await (const text of watchSharedMem({ signal: new AbortController().signal })) {
    expect(text).toBe('text');
    break;
  }
  sharedMem.unload();
});

test('nothing has a method named "undefined"', () => {
  expect(Object.getOwnPropertyNames(FileMapping.prototype)).not.toContain('undefined');
});
