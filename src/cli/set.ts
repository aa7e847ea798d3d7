import { stdin } from 'node:process';
import { loadSharedMem, MAX_CHARACTERS } from '../index.js';
import { requireTextOf } from '../win32/arguments.js';
import { keep } from './hold.js';
import { note } from './output.js';
import { isHeldByOthers } from './section.js';
import { UsageError } from './usage-error.js';
import { withUserInput } from './user-input.js';

/** More bytes than any text that fits has in UTF-8, its line end included. */
const MAX_INPUT = 3 * MAX_CHARACTERS + 2;

/** What Node makes of bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/** Writes the shared text: an argument, or for `-` what stdin has. */
export async function set(argument: string, { hold = false }: { readonly hold?: boolean }): Promise<void> {
  const text = argument === '-' ? await readStdin() : requireUtf8(argument);
  withUserInput(() => requireTextOf('text', text, MAX_CHARACTERS));
  if (hold) {
    const created = !isHeldByOthers();
    using sharedMem = loadSharedMem();
    sharedMem.set(text);
    await keep(sharedMem, { created, json: false });
    return;
  }
  {
    using sharedMem = loadSharedMem();
    sharedMem.set(text);
  }
  if (isHeldByOthers()) return;
  note(
    'No other process holds the shared memory, so the text ended with this command. ' +
      'To keep it, run "dllmemfilemap hold" in another terminal first, or use "set --hold".',
  );
}

/**
 * Refuses an argument that may not have been UTF-8. Node hands out no more than the decoded argument, in which a U+FFFD
 * that the user meant looks the same. Stdin can have one.
 */
function requireUtf8(argument: string): string {
  const index = argument.indexOf(REPLACEMENT);
  if (index < 0) return argument;
  throw new UsageError(
    `text must be UTF-8: it has U+FFFD at ${index}, which stands for bytes that are not. ` +
      'If you mean that character itself, write it to stdin of "set -"',
  );
}

/** All that stdin has, without the line end after it. If that is too much, it stops reading. */
async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_INPUT) throw new UsageError(`text must have at most ${MAX_CHARACTERS} characters: stdin has more`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, '');
  } catch {
    throw new UsageError('text must be UTF-8: stdin has something else');
  }
}
