import { version as nodeVersion } from 'node:process';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { target } from '../native-library.js';
import type { Check } from './checks.js';
import { forOutput, hasColors, print } from './output.js';

interface Options {
  readonly json?: boolean;
  /** Of this package. */
  readonly version: string;
}

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
    // Which needs koffi to be there.
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
  const line = `${state}  ${what.padEnd(12)}  ${oneLine(found)}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(21)}${color('dim', oneLine(advice))}\n`;
}

const oneLine = (text: string) => forOutput(text.replaceAll(/\s*\n\s*/g, ' '));
