// A machine, as far as named memory goes: a mount namespace with a /dev/shm of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const PEER = fileURLToPath(new URL('peer.mjs', import.meta.url));

/** How long anything may take, in milliseconds. */
const PATIENCE = 30_000;

/** Whether there can be machines: they are namespaces, which root makes. */
export const hasMachines = process.platform === 'linux' && process.getuid() === 0;

/** What tests on machines say that they need. */
export const NEEDS = '(needs nats-server, and root for machines that are mount namespaces)';

/** A process that is killed with its machine. */
class Child {
  #ended;

  constructor(command, args) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#ended = once(this.process, 'exit');
    this.stderr = '';
    this.process.stderr.on('data', (data) => {
      this.stderr += data;
    });
  }

  /** @returns the exit code, and the signal */
  async end() {
    return this.#ended;
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.#ended;
  }
}

/** The command `mirror --json`, and what it has said. */
class Mirror extends Child {
  events = [];
  #changed = () => {};

  constructor(command, args) {
    super(command, args);
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line));
      this.#changed();
    });
    this.process.on('exit', () => this.#changed());
  }

  /** Waits until it has said something of an event. */
  async says(event, count = 1) {
    await until(
      () => this.count(event) >= count,
      (changed) => {
        this.#changed = changed;
      },
      () => `${event} from a mirror that said ${JSON.stringify(this.events.at(-1))} ${this.stderr}`,
    );
    return this.events.filter((one) => one.event === event)[count - 1];
  }

  count(event) {
    return this.events.filter((one) => one.event === event).length;
  }
}

/** Waits for something that is looked at each time that something has changed. */
async function until(isSo, listen, what) {
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`Not within ${PATIENCE} ms: ${what()}`)), PATIENCE);
    const look = () => {
      if (!isSo()) return;
      clearTimeout(late);
      resolve();
    };
    listen(look);
    look();
  });
}

/** A process that writes and reads the memory of its machine. */
class Peer extends Child {
  #lines;

  constructor(command, args) {
    super(command, args);
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** Has it evaluate something in JavaScript. */
  async do(code) {
    this.process.stdin.write(`${JSON.stringify(code)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The peer ended: ${this.stderr}`);
    const { result, error } = JSON.parse(value);
    if (error !== undefined) throw new Error(error);
    return result;
  }

  set(text) {
    return this.do(`setSharedMem(${JSON.stringify(text)})`);
  }

  get() {
    return this.do('getSharedMem()');
  }
}

export class Machine {
  #children = [];
  #holder;
  #enter;

  static async start() {
    const machine = new Machine();
    machine.#holder = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', 'mount -t tmpfs tmpfs /dev/shm && echo && exec cat'],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await once(machine.#holder.stdout, 'data');
    machine.#enter = ['nsenter', `--mount=/proc/${machine.#holder.pid}/ns/mnt`, '--'];
    return machine;
  }

  /** Starts `dllmemfilemap mirror` there. */
  mirror(...args) {
    return this.#start(Mirror, process.execPath, CLI, 'mirror', '--json', ...args);
  }

  /** Starts a process there that does what it is told. */
  peer() {
    return this.#start(Peer, process.execPath, PEER);
  }

  /** Starts any other program there. */
  start(...command) {
    return this.#start(Child, ...command);
  }

  /** Runs a program there. */
  async run(...command) {
    const child = this.#start(Child, ...command);
    let stdout = '';
    child.process.stdout.on('data', (data) => {
      stdout += data;
    });
    const [status] = await once(child.process, 'close');
    return { status, stdout, stderr: child.stderr };
  }

  /** The files behind its named objects. */
  async files() {
    return (await this.run('ls', '/dev/shm')).stdout.trim();
  }

  async close() {
    await Promise.all(this.#children.map((child) => child.kill()));
    this.#holder.kill('SIGKILL');
  }

  #start(Kind, ...command) {
    const [program, ...args] = [...this.#enter, ...command];
    const child = new Kind(program, args);
    this.#children.push(child);
    return child;
  }
}
