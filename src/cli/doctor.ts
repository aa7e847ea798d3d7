import { version as nodeVersion, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { Help } from 'commander';
import { target } from '../win32/native-library.js';
import type { Check } from './checks.js';
import { forOutput, hasColors, print } from './output.js';

interface Options {
  readonly json?: boolean;
  /** Of this package. */
  readonly version: string;
}

/** Where in a line the text begins. */
const INDENT = 21;

/**
 * Prints what was found, and what to do.
 *
 * @returns whether everything is in order
 */
export async function doctor({ json = false, version }: Options): Promise<boolean> {
  const found: Check[] = [
    { what: 'Package', ok: true, found: `${version} in ${fileURLToPath(new URL('../..', import.meta.url))}` },
    { what: 'Node', ok: true, found: `${nodeVersion}, ${target()}` },
    ...(await examine()),
  ];
  const isWell = found.every(({ ok }) => ok);
  await print(json ? `${JSON.stringify({ ok: isWell, checks: found })}\n` : found.map(format).join(''));
  return isWell;
}

async function examine(): Promise<Check[]> {
  try {
    const { default: koffi } = await import('koffi');
    // This import needs koffi.
    const { checks } = await import('./checks.js');
    return [{ what: 'koffi', ok: true, found: koffi.version }, ...checks()];
  } catch (error) {
    const advice = `Install this package anew on this machine, with its optional dependencies: one is for ${target()}.`;
    return [{ what: 'koffi', ok: false, found: error instanceof Error ? error.message : String(error), advice }];
  }
}

function format({ what, ok, found, advice }: Check): string {
  const color = hasColors() ? styleText : (_: unknown, text: string) => text;
  const state = ok ? color('green', 'ok   ') : color(['bold', 'red'], 'wrong');
  const lines = [`${state}  ${what.padEnd(12)}  ${inColumn(found)}\n`];
  if (advice !== undefined) lines.push(`${' '.repeat(INDENT)}${color('dim', inColumn(advice))}\n`);
  return lines.join('');
}

/** One line. In a terminal, as many as it takes, each beginning in the same column. */
function inColumn(text: string): string {
  const line = forOutput(text.replaceAll(/\s*\n\s*/g, ' '));
  if (!stdout.isTTY) return line;
  const help = Object.assign(new Help(), { minWidthToWrap: 1 });
  const width = Math.max(1, (stdout.columns || 80) - INDENT);
  return help.boxWrap(line, width).replaceAll('\n', `\n${' '.repeat(INDENT)}`);
}
