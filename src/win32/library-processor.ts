import { closeSync, openSync, readSync } from 'node:fs';

/** Node's names for the processors, by the numbers that each kind of file has for them. */
const ELF: Readonly<Record<number, string>> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' };
const PE: Readonly<Record<number, string>> = { 332: 'ia32', 34404: 'x64', 43620: 'arm64' };
const MACH_O: Readonly<Record<number, string>> = { 16777223: 'x64', 16777228: 'arm64' };

/**
 * The processor that a library is for.
 *
 * @returns in Node's words, such as `'x64'`; `undefined` if the file cannot be read, or is no library that is known here
 */
export function libraryProcessor(path: string): string | undefined {
  const header = Buffer.alloc(4096);
  try {
    const file = openSync(path, 'r');
    try {
      readSync(file, header, 0, header.length, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
  if (header.toString('latin1', 0, 4) === '\x7fELF') return ELF[header.readUInt16LE(18)];
  if (header.readUInt32LE(0) === 0xfeedfacf) return MACH_O[header.readUInt32LE(4)];
  if (header.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const peHeader = header.readUInt32LE(0x3c);
  if (peHeader > header.length - 6 || header.toString('latin1', peHeader, peHeader + 4) !== 'PE\0\0') return undefined;
  return PE[header.readUInt16LE(peHeader + 4)];
}

/** That a library is for another processor than this process, in words; `undefined` if that is not so, or not known. */
export function otherProcessor(path: string): string | undefined {
  const processor = libraryProcessor(path);
  return processor === undefined || processor === process.arch
    ? undefined
    : `the file is for ${processor}, and this Node for ${process.arch}`;
}
