import { readFileSync } from 'node:fs';

/**
 * What a 64-bit Windows library or program exports, and which libraries it imports from.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/debug/pe-format | PE Format}
 */
export function readImage(path: string): { exports: string[]; imports: string[] } {
  const image = readFileSync(path);
  const header = image.readUInt32LE(0x3c) + 4;
  const optionalHeader = header + 20;
  const directories = optionalHeader + 112;
  const sections = optionalHeader + image.readUInt16LE(header + 16);
  const sectionCount = image.readUInt16LE(header + 2);

  /** Where in the file an address of the loaded library is. */
  const at = (address: number): number => {
    for (let i = 0; i < sectionCount; i++) {
      const section = sections + i * 40;
      const start = image.readUInt32LE(section + 12);
      if (address >= start && address < start + image.readUInt32LE(section + 8)) {
        return address - start + image.readUInt32LE(section + 20);
      }
    }
    throw new Error(`No section of ${path} holds the address ${address}`);
  };
  const string = (address: number): string => {
    const start = at(address);
    return image.toString('latin1', start, image.indexOf(0, start));
  };

  const exports: string[] = [];
  const exportTable = image.readUInt32LE(directories);
  if (exportTable !== 0) {
    const count = image.readUInt32LE(at(exportTable) + 24);
    const names = at(image.readUInt32LE(at(exportTable) + 32));
    for (let i = 0; i < count; i++) exports.push(string(image.readUInt32LE(names + i * 4)));
  }
  const imports: string[] = [];
  for (let entry = at(image.readUInt32LE(directories + 8)); image.readUInt32LE(entry + 12) !== 0; entry += 20) {
    imports.push(string(image.readUInt32LE(entry + 12)));
  }
  return { exports, imports };
}
