// How the commands speak: data on stdout, everything else on stderr.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { env, exit, stdout } from 'node:process';

let isListening = false;

/**
 * Writes to stdout. When its reader has gone, as in `| head -1`, the process ends quietly.
 *
 * The stream is not touched earlier: Node makes a pipe non-blocking then, for every process that inherits it.
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
    // There is no other place to say it.
  }
}

/** Says on stderr what went wrong. */
export function printError(error: unknown): void {
  note(`error: ${error instanceof Error ? error.message : String(error)}`);
}

/** Whether the error says that the reader of the output has gone. Windows' pipes call that `EOF`. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'EOF');
}

/** Text as it is. For a terminal, control characters that it would obey are written as `\\x1b`. */
export function forOutput(text: string): string {
  return stdout.isTTY ? text.replaceAll(/(?![\n\t])\p{Cc}/gu, escapeControl) : text;
}

/** Text with every control character written as `\\x0a`. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, escapeControl);
}

function escapeControl(control: string): string {
  return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Text in quotes and on one line, without control characters. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/\p{Cc}/gu, (control) => `\\u00${control.charCodeAt(0).toString(16)}`);
}

/** Whether stdout is a terminal that has colours, and the user wants them. */
export function hasColors(): boolean {
  return stdout.isTTY && !env.NO_COLOR && stdout.hasColors();
}
