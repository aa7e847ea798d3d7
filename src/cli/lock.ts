import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import process from 'node:process';
import { isatty } from 'node:tty';
import { NamedMutex, Win32Error } from '../index.js';
import { FAILED, NOT_FOUND, NOT_LOCKED, NOT_STARTED, SIGNALLED, TIMED_OUT } from './exit-codes.js';
import { note, printError } from './output.js';
import { UsageError } from './usage-error.js';
import { withUserInput } from './user-input.js';

interface Options {
  readonly timeout?: number;
  readonly try?: boolean;
}

/**
 * Runs a command while the mutex is held. A signal that comes while it waits for the mutex ends it as usual.
 *
 * @returns the exit code
 */
export async function lock(name: string, command: readonly string[], options: Options): Promise<number> {
  try {
    using mutex = withUserInput(() => openOrCreate(name));
    using held = options.try ? mutex.tryAcquire() : await mutex.acquire(options);
    if (held === undefined) {
      note(`Another process has the mutex '${name}', so the command was not run.`);
      return FAILED;
    }
    if (held.abandoned) {
      note(
        `The mutex '${name}' was abandoned: its last owner ended without releasing it. What it guards may be half done.`,
      );
    }
    return await run(command);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    printError(error);
    return error instanceof Win32Error && error.code === 'WAIT_TIMEOUT' ? TIMED_OUT : NOT_LOCKED;
  }
}

/** Opens it first: another user's mutex may be shared for waiting alone, which is less than creating asks for. */
function openOrCreate(name: string): NamedMutex {
  try {
    return NamedMutex.open(name);
  } catch (error) {
    if (error instanceof Win32Error && error.code === 'ERROR_FILE_NOT_FOUND') return NamedMutex.create(name);
    throw error;
  }
}

/** Runs the command to its end, whatever signals come: those are for the command. */
async function run([program, ...args]: readonly string[]): Promise<number> {
  let child: ChildProcess | undefined;
  // What is typed in a terminal goes to every process there, so that the command has it already.
  const inTerminal = [0, 1, 2].some(isatty);
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
    process.on(signal, () => inTerminal || child?.kill(signal));
  }
  process.on('SIGTERM', () => child?.kill('SIGTERM'));
  try {
    child = spawn(program as string, args, { stdio: 'inherit' });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return signal === null ? (code as number) : SIGNALLED + constants.signals[signal];
  } catch (error) {
    printError(error);
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? NOT_FOUND : NOT_STARTED;
  }
}
