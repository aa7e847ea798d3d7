/** One of the processes of many.mjs: reads or writes for some seconds, and prints what it has seen as JSON. */
import process from 'node:process';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { array, FileMapping, getSharedMem, setSharedMem, struct } from '../../dist/index.js';

const [way, seconds, name] = process.argv.slice(2);

/** Waits until everyone is there. */
async function begin() {
  process.stdout.write('ready\n');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  process.stdin.destroy();
  return performance.now() + seconds * 1000;
}

/** Calls it again and again, and tells how often. */
async function repeat(call) {
  const end = await begin();
  let calls = 0;
  while (performance.now() < end) {
    call(calls);
    calls++;
    if (calls % 1000 === 0) await setImmediate();
  }
  return calls;
}

/** Every text is one letter, so that a mixture is known. */
function readText() {
  const text = getSharedMem();
  if (text !== (text[0] ?? '').repeat(text.length)) throw new Error(`A mixture: ${text}`);
}

function writeText(i) {
  setSharedMem(String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 2047)));
}

const Frame = struct({ tick: 'uint32_t', time: 'double', values: array('float', 64) });

/** Reads what somebody publishes 60 times a second, as often, and looks at its own memory. */
async function follow() {
  const view = FileMapping.open(name, { access: 'read' }).mapView();
  const end = await begin();
  const warm = performance.now() + seconds * 100;
  let [seen, last, early] = [0, -1, 0];
  while (performance.now() < end) {
    await setTimeout(1000 / 60);
    const { tick } = view.readStruct(Frame);
    if (tick !== last) seen++;
    last = tick;
    if (early === 0 && performance.now() > warm) early = process.memoryUsage.rss();
  }
  return { seen, grown: process.memoryUsage.rss() - early };
}

const ways = { 'read-text': () => repeat(readText), 'write-text': () => repeat(writeText), follow };
console.log(JSON.stringify(await ways[way]()));
