// Runs an example, reader and publisher together: npm run example -- mumble-link
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { argv, execPath, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { programPath } from '../win32/native-library.js';

/** The examples and their publishers. */
const PUBLISHERS: ReadonlyMap<string | undefined, string> = new Map([
  ['mumble-link', 'mumble_link_publisher'],
  ['core-temp', 'core_temp_publisher'],
  ['rfactor2', 'rfactor2_publisher'],
  ['hwinfo', 'hwinfo_publisher'],
  ['iracing', 'iracing_publisher'],
]);

async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

const [, , name, ...args] = argv;
const program = PUBLISHERS.get(name);
if (program === undefined) {
  console.error(`Please specify an example: ${[...PUBLISHERS.keys()].join(', ')}`);
  exit(1);
}
const reader = fileURLToPath(new URL(`${name}.js`, import.meta.url));
const publisher = spawn(programPath(program), ['demo'], { stdio: ['ignore', 'pipe', 'inherit'] });
// It says that it is ready, or ends and has said why not.
const isReady = await Promise.race([
  once(publisher.stdout, 'data').then(() => true),
  exitCode(publisher).then(() => false),
]);
if (isReady) {
  process.exitCode = await exitCode(spawn(execPath, [reader, ...args], { stdio: 'inherit' }));
  publisher.kill();
} else {
  console.error(`The reader alone reads what is there: node dist/examples/${name}.js`);
  process.exitCode = 1;
}
