/** Group 3: a text goes to another process and comes back. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FileMapping, getSharedMem, setSharedMem } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { compare, progress, row } from './measure.mjs';
import { load } from './peers.mjs';
import { figures, figuresOfLinux } from './programs.mjs';

const MESSAGE = 'This is a test string';
const partner = fileURLToPath(new URL('partner.mjs', import.meta.url));

/** Starts the other process, and waits until it says what it is reached by. */
async function startPartner(...args) {
  const child = fork(partner, args);
  const [address] = await once(child, 'message');
  return { child, address };
}

/** Ends the other process. */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A function that sends the text and resolves with the answer, for channels that tell by a call what arrives. */
function conversation(send, listen) {
  let arrived;
  listen((data) => arrived(data));
  return () =>
    new Promise((resolve) => {
      arrived = resolve;
      send(MESSAGE);
    });
}

const words = `dllmemfilemap-bench-${process.pid}-words`;

/** Both sides spin on one word of a named mapping; the text goes through the DLL. */
function sharedMemory(start) {
  return async () => {
    const mapping = FileMapping.create(words, 4096);
    const view = mapping.mapView();
    const word = new Int32Array(view.bytes.buffer, 0, 1);
    const child = await start();
    let turn = 0;
    return {
      run() {
        setSharedMem(MESSAGE);
        Atomics.store(word, 0, ++turn);
        while (Atomics.load(word, 0) === turn);
        turn++;
        return getSharedMem();
      },
      async close() {
        Atomics.store(word, 0, -1);
        await once(child, 'exit');
        view.close();
        mapping.close();
      },
    };
  };
}

async function socket(kind, path) {
  const { child, address } = await startPartner(kind, path);
  const client = connect(address);
  await once(client, 'connect');
  client.setNoDelay(true);
  return {
    run: conversation(
      (text) => client.write(text),
      (listener) => client.on('data', listener),
    ),
    async close() {
      client.destroy();
      await end(child);
    },
  };
}

async function redis(folder) {
  const { module, note } = load('redis');
  if (note) return { note: `the client is ${note}` };
  const path = join(folder, 'redis.sock');
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    await once(server, 'spawn');
  } catch {
    return { note: 'redis-server is not installed' };
  }
  for await (const line of createInterface({ input: server.stdout })) {
    if (/ready to accept connections/i.test(line)) break;
  }
  server.stdout.resume();
  const client = module.createClient({ socket: { path } });
  await client.connect();
  const { child } = await startPartner('redis', path);
  return {
    async run() {
      client.rPush('there', MESSAGE);
      return (await client.blPop('back', 0)).element;
    },
    async close() {
      await end(child);
      client.destroy();
      await end(server);
    },
  };
}

const ways = (folder) => ({
  'Node and Node, spinning': ['ours', sharedMemory(async () => (await startPartner('shared-memory', words)).child)],
  'Node and C++, spinning': [
    'ours',
    sharedMemory(() => spawn(programPath('bench'), ['echo', words], { stdio: 'inherit' })),
  ],
  'process.send': [
    'peer',
    async () => {
      const { child } = await startPartner('send');
      return {
        run: conversation(
          (text) => child.send(text),
          (listener) => child.on('message', listener),
        ),
        close: () => end(child),
      };
    },
  ],
  'stdin and stdout': [
    'peer',
    async () => {
      const child = spawn(process.execPath, [partner, 'stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      return {
        run: conversation(
          (text) => child.stdin.write(text),
          (listener) => child.stdout.on('data', listener),
        ),
        close: () => end(child),
      };
    },
  ],
  'a Unix-domain socket': [
    'peer',
    () => (process.platform === 'win32' ? { note: 'not on Windows' } : socket('socket', join(folder, 'socket'))),
  ],
  'TCP loopback': ['peer', () => socket('tcp', '')],
  'Redis, in lists': ['peer', () => redis(folder)],
});

async function wordInCpp() {
  const mapping = FileMapping.create(words, 4096);
  const second = spawn(programPath('bench'), ['pong', words], { stdio: 'inherit' });
  const ended = once(second, 'exit');
  try {
    return (await figures('bench', 'ping', words))['there and back'];
  } finally {
    second.kill();
    await ended;
    mapping.close();
  }
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function twoProcesses(folder) {
  progress('two C++ processes');
  const rows = [
    { name: 'C++ and C++, spinning on a word', kind: 'floor', value: await wordInCpp() },
    row('C++ and C++, waking by futex', 'floor', (await figuresOfLinux('wake')).futex, 'Linux alone has it'),
  ];
  // One after the other, as each spinning process takes a processor.
  for (const [name, [kind, open]] of Object.entries(ways(folder))) {
    progress(`text there and back: ${name}`);
    const { run, close, note } = await open();
    rows.push(...(await compare([{ name, kind, note, run }], { rounds: 25, milliseconds: 30 })));
    await close?.();
  }
  return [{ group: 'Two processes', title: 'text of 21 characters there and back', unit: 'ns', chart: true, rows }];
}
