// Evaluates each line of stdin, a string of JSON, and answers with a line of JSON. `memory` is there for what it keeps.
import { createHash, randomFillSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { FileMapping, getSharedMem, setSharedMem } from 'dllmemfilemap';

const memory = {
  /** Opens a section, or creates it if there is a size. */
  open(name, size) {
    memory.mapping = size === undefined ? FileMapping.open(name) : FileMapping.create(name, size);
    memory.view = memory.mapping.mapView();
    return memory.mapping.created;
  },
  fill: (byte, offset, length) => memory.view.writeBytes(new Uint8Array(length).fill(byte), offset),
  randomize: (length) => void randomFillSync(memory.view.bytes, 0, length),
  digest: (length) => createHash('sha256').update(memory.view.snapshot(0, length)).digest('hex'),
  at: (...offsets) => offsets.map((offset) => memory.view.snapshot(offset, 1)[0]),
  close() {
    memory.view.close();
    memory.mapping.close();
  },
};

const evaluate = new Function('memory', 'setSharedMem', 'getSharedMem', 'code', 'return eval(code)');

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const result = await evaluate(memory, setSharedMem, getSharedMem, JSON.parse(line));
    console.log(JSON.stringify({ result: result ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
