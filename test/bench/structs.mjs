/** A struct of 20 fields is read out of a view, and one field of it. */
import koffi from 'koffi';
import { FileMapping, struct } from '../../dist/index.js';
import { compare, progress } from './measure.mjs';

const TYPES = { float: 'Float32', uint32_t: 'Uint32', double: 'Float64', int16_t: 'Int16' };
const FIELDS = Object.fromEntries(
  Array.from({ length: 20 }, (_, i) => [`field${i}`, Object.keys(TYPES)[Math.floor(i / 5)]]),
);

/** What one would write by hand: a literal with the offsets in it. */
function byHand(layout) {
  const members = Object.entries(FIELDS).map(
    ([name, type]) => `${name}: data.get${TYPES[type]}(${layout.offsetOf(name)}, true)`,
  );
  return new Function('data', `return { ${members.join(', ')} };`);
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function structs() {
  const layout = struct(FIELDS);
  const koffiStruct = koffi.struct(FIELDS);
  const read = byHand(layout);
  const last = layout.offsetOf('field19');
  const mapping = FileMapping.create(null, 4096);
  const view = mapping.mapView();

  progress('read of a struct');
  const comparisons = [
    {
      group: 'One process',
      title: 'read of a struct of 20 fields',
      unit: 'ns',
      rows: await compare([
        {
          name: 'a DataView, by hand',
          kind: 'floor',
          run: () => read(new DataView(view.snapshot(0, layout.size).buffer)),
        },
        { name: 'view.readStruct', kind: 'ours', run: () => view.readStruct(layout) },
        { name: 'koffi.decode', kind: 'peer', run: () => koffi.decode(view.snapshot(0, layout.size), koffiStruct) },
      ]),
    },
    {
      group: 'One process',
      title: 'read of one field of it',
      unit: 'ns',
      rows: await compare([
        {
          name: 'a DataView, by hand',
          kind: 'floor',
          run: () => new DataView(view.snapshot(last, 2).buffer).getInt16(0, true),
        },
        { name: 'view.readField', kind: 'ours', run: () => view.readField(layout, 'field19') },
      ]),
    },
  ];
  view.close();
  mapping.close();
  return comparisons;
}
