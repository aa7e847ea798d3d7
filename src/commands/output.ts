// How the commands speak: data on stdout, everything else on stderr.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { env, exit, stdout } from 'node:process';

let isListening = false;

/**
 * Writes to stdout. When nobody reads it any more, as behind `| head -1`, the process ends quietly.
 *
 * The stream is not touched before, as Node then makes a pipe non-blocking for every process that inherits it.
 */
export async function print(text: string): Promise<void> {
  if (!isListening) {
    isListening = true;
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (isClosedPipe(error)) exit(0);
      printError(error);
      exit(1);
    });
  }
  if (!stdout.write(text)) await once(stdout, 'drain');
}

/** Writes one line to stderr. */
export function note(text: string): void {
  try {
    writeSync(2, `${text.trim().replaceAll(/\p{Cc}+/gu, ' ')}\n`);
  } catch {
    // Nobody is left to tell.
  }
}

/** Says on stderr what went wrong. */
export function printError(error: unknown): void {
  note(`error: ${error instanceof Error ? error.message : String(error)}`);
}

/** Whether the error says that nobody reads the output any more: `EOF` is what Windows' pipes call it. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'EOF');
}

/** Text as it is, but for a terminal without the control characters that it would obey. */
export function forOutput(text: string): string {
  if (!stdout.isTTY) return text;
  return text.replaceAll(
    /(?![\n\t])\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Text in quotes and on one line, without control characters. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/\p{Cc}/gu, (control) => `\\u00${control.charCodeAt(0).toString(16)}`);
}

/** Whether stdout is a terminal that has colours, and the user wants them. */
export function hasColors(): boolean {
  return stdout.isTTY && !env.NO_COLOR && stdout.hasColors();
}
