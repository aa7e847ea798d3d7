import {
  FileMapping,
  loadSharedMem,
  type MappedView,
  type MappingAccess,
  type SharedMem,
  type ViewAccess,
} from 'dllmemfilemap';
import { expect } from 'vitest';
import { type Language, Peer } from '../peer.js';

export const PAGE = 4096;
export const GRANULARITY = 65_536;
const CHARACTERS = 2047;

/** The names of the model: the third is the first one's other spelling, and the last the DLL's own section. */
export const NAMES = [
  `Local\\model ${process.pid}`,
  `Global\\model ${process.pid}`,
  `model ${process.pid}`,
  'Local\\dllmemfilemap',
] as const;
const DLL = 'dllmemfilemap';

const keyOf = (name: string) => name.replace(/^Local\\/, '');
const inPages = (size: number) => Math.ceil(size / PAGE) * PAGE;

/** What a section has to have in it, and how many handles keep its name alive. */
interface Section {
  readonly key: string;
  readonly bytes: Uint8Array;
  holders: number;
}

interface Mapping {
  readonly real: FileMapping;
  readonly section: Section;
  readonly access: MappingAccess;
  open: boolean;
}

interface View {
  readonly real: MappedView;
  readonly section: Section;
  readonly offset: number;
  readonly length: number;
  readonly access: ViewAccess;
  /** The pages of a private copy that were written to, by their offset in the view. */
  readonly own: Map<number, Uint8Array>;
  bytes?: Uint8Array;
  open: boolean;
}

/** Another process, with at most one mapping and a view of all of it, or attached to the DLL; dead if it has no `real`. */
interface Other {
  readonly language: Language;
  readonly kind: 'dll' | 'mapping';
  real?: Peer | undefined;
  mapping?: Section | undefined;
  view?: { readonly section: Section; readonly access: MappingAccess } | undefined;
}

/** What a call did: `[value]`, or the code of the error that it threw, or its class where it has none. */
function outcome<T>(call: () => T): readonly [T] | string {
  try {
    return [call()];
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return code ?? name;
  }
}

/** Every operation of the package, each on the real thing and on a simple model of it, which have to agree. */
export class Namespace {
  readonly #sections = new Map<string, Section>();
  readonly #others: Other[] = (['dll', 'mapping'] as const).flatMap((kind) =>
    (['C++', 'Node'] as const).map((language) => ({ language, kind })),
  );
  #mappings: Mapping[] = [];
  #views: View[] = [];
  #references: { readonly real: SharedMem; loaded: boolean }[] = [];
  #attached: Section | undefined;
  /** What was opened here, expected or not. */
  readonly #opened = new Set<Disposable>();

  /** Begins with every process alive, an empty text, and nothing open but what those attached to the DLL have. */
  async begin(): Promise<void> {
    for (const other of this.#others) await this.start(other);
  }

  /** Ends everything, whatever has gone wrong. */
  async abandon(): Promise<void> {
    for (const other of this.#others) {
      await other.real?.kill();
      Object.assign(other, { real: undefined, mapping: undefined, view: undefined });
    }
    for (const each of this.#opened) each[Symbol.dispose]();
    this.#opened.clear();
    [this.#views, this.#mappings, this.#references, this.#attached] = [[], [], [], undefined];
    this.#sections.clear();
  }

  /** Closes everything. After that every name is free, but the DLL's if processes are alive that are attached to it. */
  async end(): Promise<void> {
    for (const view of this.#views) this.#expectContents(view);
    this.#views.forEach((_, i) => {
      this.closeView(i);
    });
    this.#mappings.forEach((_, i) => {
      this.closeMapping(i);
    });
    this.#references.forEach((_, i) => {
      this.unload(i);
    });
    [this.#views, this.#mappings, this.#references] = [[], [], []];
    for (const other of this.#others) {
      if (other.view) await this.unmapThere(other);
      if (other.mapping) await this.closeThere(other);
    }
    for (const name of NAMES) {
      const left = this.#sections.has(keyOf(name));
      expect(left).toBe(keyOf(name) === DLL && this.#others.some(({ kind, real }) => kind === 'dll' && real));
      this.open(name, 'write');
    }
    this.mapView(0, 0, 0, 'write');
    for (const { real, section } of this.#views) {
      real.bytes.fill(0);
      section.bytes.fill(0);
    }
    this.closeView(0);
    this.closeMapping(0);
    [this.#views, this.#mappings] = [[], []];
    this.#opened.clear();
  }

  #kept<T extends Disposable>(opened: T): T {
    this.#opened.add(opened);
    return opened;
  }

  other(kind: Other['kind'], index: number): Other {
    const others = this.#others.filter((each) => each.kind === kind);
    return others[index % others.length] as Other;
  }

  // The model of the namespace itself.

  #join(name: string, size: number): { readonly section: Section; readonly created: boolean } {
    const key = keyOf(name);
    const living = this.#sections.get(key);
    const section = living ?? { key, bytes: new Uint8Array(inPages(size)), holders: 0 };
    this.#sections.set(key, section);
    section.holders++;
    return { section, created: living === undefined };
  }

  #leave(section: Section): void {
    if (--section.holders === 0) this.#sections.delete(section.key);
  }

  // In this process.

  create(name: string | null, size: number, exclusive: boolean, security: 'user' | 'everyone-read') {
    const living = name !== null && this.#sections.has(keyOf(name));
    const made = outcome(() => this.#kept(FileMapping.create(name, size, { exclusive, security })));
    if (size === 0) return expect(made).toBe('RangeError');
    if (living && exclusive) return expect(made).toBe('ERROR_ALREADY_EXISTS');
    const [real] = this.#expectMade(made);
    const { section, created } =
      name === null
        ? { section: { key: '', bytes: new Uint8Array(inPages(size)), holders: 1 }, created: true }
        : this.#join(name, size);
    expect([real.created, real.name, real.access]).toEqual([created, name, 'write']);
    this.#mappings.push({ real, section, access: 'write', open: true });
  }

  open(name: string, access: MappingAccess) {
    const opened = outcome(() => this.#kept(FileMapping.open(name, { access })));
    if (!this.#sections.has(keyOf(name))) return expect(opened).toBe('ERROR_FILE_NOT_FOUND');
    const [real] = this.#expectMade(opened);
    expect([real.created, real.name, real.access]).toEqual([false, name, access]);
    this.#mappings.push({ real, section: this.#join(name, 0).section, access, open: true });
  }

  mapView(index: number, offset: number, length: number, access: ViewAccess | undefined) {
    const mapping = this.#mappings[index % this.#mappings.length];
    if (!mapping) return;
    const asked = access ?? mapping.access;
    const size = mapping.section.bytes.length;
    const mapped = outcome(() => this.#kept(mapping.real.mapView({ offset, length, ...(access && { access }) })));
    if (!mapping.open) return expect(mapped).toBe('ERR_USE_AFTER_CLOSE');
    if (offset % GRANULARITY !== 0) return expect(mapped).toBe('ERROR_MAPPED_ALIGNMENT');
    if (asked === 'write' && mapping.access === 'read') return expect(mapped).toBe('ERROR_ACCESS_DENIED');
    if (offset >= size) return expect(mapped).toBe('ERROR_INVALID_PARAMETER');
    if (length > size - offset) return expect(mapped).toBe('ERROR_ACCESS_DENIED');
    const [real] = this.#expectMade(mapped);
    const bytes = inPages(length === 0 ? size - offset : length);
    expect([real.length, real.access]).toEqual([bytes, asked]);
    const { section } = mapping;
    const view: View = { real, section, offset, length: bytes, access: asked, own: new Map(), open: true };
    this.#views.push(view);
    this.#expectContents(view);
  }

  size(index: number) {
    const mapping = this.#mappings[index % this.#mappings.length];
    if (!mapping) return;
    const size = outcome(() => mapping.real.size);
    expect(size).toEqual(mapping.open ? [mapping.section.bytes.length] : 'ERR_USE_AFTER_CLOSE');
  }

  closeMapping(index: number) {
    const mapping = this.#mappings[index % this.#mappings.length];
    if (!mapping) return;
    if (mapping.open) this.#leave(mapping.section);
    mapping.open = false;
    expect(outcome(() => mapping.real.close())).toEqual([undefined]);
    expect(outcome(() => mapping.real[Symbol.dispose]())).toEqual([undefined]);
  }

  closeView(index: number) {
    const view = this.#views[index % this.#views.length];
    if (!view) return;
    view.open = false;
    expect(outcome(() => view.real.close())).toEqual([undefined]);
    expect(outcome(() => view.real[Symbol.dispose]())).toEqual([undefined]);
    if (view.bytes) expect(view.bytes.length).toBe(0);
  }

  writeByte(index: number, place: number, value: number) {
    const view = this.#views[index % this.#views.length];
    if (!view) return;
    const bytes = outcome(() => view.real.bytes);
    if (view.access === 'read') return expect(bytes).toBe('TypeError');
    const [real] = this.#expectMade(bytes);
    expect(real.length).toBe(view.open ? view.length : 0);
    if (!view.open) return;
    view.bytes = real;
    real[place % view.length] = value;
    this.#pageOf(view, place % view.length)[place % PAGE] = value;
  }

  writeString(index: number, offset: number, text: string) {
    const view = this.#views[index % this.#views.length];
    if (!view) return;
    const written = outcome(() => view.real.writeString(text, offset));
    if (!view.open) return expect(written).toBe('ERR_USE_AFTER_CLOSE');
    if (view.access === 'read') return expect(written).toBe('TypeError');
    if (offset > view.length - 2) return expect(written).toBe('RangeError');
    if (text.includes('\0')) return expect(written).toBe('TypeError');
    if (offset + (text.length + 1) * 2 > view.length) return expect(written).toBe('RangeError');
    expect(written).toEqual([undefined]);
    [...Buffer.from(`${text}\0`, 'utf16le')].forEach((byte, i) => {
      this.#pageOf(view, offset + i)[(offset + i) % PAGE] = byte;
    });
  }

  readString(index: number, offset: number, maxChars: number) {
    const view = this.#views[index % this.#views.length];
    if (!view) return;
    const read = outcome(() => view.real.readString(offset, maxChars));
    if (!view.open) return expect(read).toBe('ERR_USE_AFTER_CLOSE');
    if (offset > view.length) return expect(read).toBe('RangeError');
    const units = Math.min(maxChars, Math.floor((view.length - offset) / 2));
    const text = Buffer.from(this.#contents(view).subarray(offset, offset + units * 2)).toString('utf16le');
    expect(read).toEqual([text.split('\0', 1)[0]]);
  }

  snapshot(index: number, offset: number, length: number) {
    const view = this.#views[index % this.#views.length];
    if (!view) return;
    const copy = outcome(() => view.real.snapshot(offset, length));
    if (!view.open) return expect(copy).toBe('ERR_USE_AFTER_CLOSE');
    if (offset + length > view.length) return expect(copy).toBe('RangeError');
    expect(copy).toEqual([this.#contents(view).slice(offset, offset + length)]);
  }

  #expectMade<T>(made: readonly [T] | string): readonly [T] {
    if (typeof made === 'string') throw new Error(`expected success: ${made}`);
    return made;
  }

  /** The page of the model that a write through the view reaches: of a private copy, its own. */
  #pageOf(view: View, place: number): Uint8Array {
    const page = place - (place % PAGE);
    const shared = view.section.bytes.subarray(view.offset + page, view.offset + page + PAGE);
    if (view.access !== 'copy') return shared;
    if (!view.own.has(page)) view.own.set(page, shared.slice());
    return view.own.get(page) as Uint8Array;
  }

  #contents(view: View): Uint8Array {
    const contents = view.section.bytes.slice(view.offset, view.offset + view.length);
    for (const [page, bytes] of view.own) contents.set(bytes, page);
    return contents;
  }

  #expectContents(view: View): void {
    if (view.open) expect(Buffer.compare(view.real.snapshot(), this.#contents(view))).toBe(0);
  }

  // The DLL, in this process.

  load() {
    this.#attached ??= this.#join(DLL, PAGE).section;
    this.#references.push({ real: this.#kept(loadSharedMem()), loaded: true });
  }

  unload(index: number) {
    const reference = this.#references[index % this.#references.length];
    if (!reference) return;
    reference.loaded = false;
    if (this.#attached && !this.#references.some(({ loaded }) => loaded)) {
      this.#leave(this.#attached);
      this.#attached = undefined;
    }
    expect(outcome(() => reference.real.unload())).toEqual([undefined]);
    expect(outcome(() => reference.real[Symbol.dispose]())).toEqual([undefined]);
  }

  set(index: number, text: string) {
    const reference = this.#references[index % this.#references.length];
    if (!reference) return;
    const set = outcome(() => reference.real.set(text));
    if (text.includes('\0')) return expect(set).toBe('TypeError');
    if (text.length > CHARACTERS) return expect(set).toBe('RangeError');
    if (!reference.loaded) return expect(set).toBe('ERR_USE_AFTER_CLOSE');
    expect(set).toEqual([undefined]);
    this.#attached?.bytes.set(Buffer.from(`${text}\0`, 'utf16le'));
  }

  get(index: number, cchSize: number) {
    const reference = this.#references[index % this.#references.length];
    if (!reference) return;
    const text = outcome(() => reference.real.get(cchSize));
    if (cchSize === 0) return expect(text).toBe('RangeError');
    if (!reference.loaded) return expect(text).toBe('ERR_USE_AFTER_CLOSE');
    expect(text).toEqual([this.#text(cchSize)]);
  }

  #text(cchSize: number): string {
    const bytes = this.#sections.get(DLL)?.bytes.subarray(0, Math.min(PAGE, (cchSize - 1) * 2)) ?? [];
    return Buffer.from(bytes).toString('utf16le').split('\0', 1)[0] as string;
  }

  // In other processes.

  async start(other: Other): Promise<void> {
    if (other.real) return;
    other.real = await Peer.start(other.language, other.kind);
    if (other.kind === 'dll') other.mapping = this.#join(DLL, PAGE).section;
  }

  async kill(other: Other): Promise<void> {
    if (!other.real) return;
    await other.real.kill();
    this.#forget(other);
  }

  async letEnd(other: Other): Promise<void> {
    if (!other.real) return;
    expect(await other.real.end()).toBe(0);
    this.#forget(other);
  }

  #forget(other: Other): void {
    if (other.mapping) this.#leave(other.mapping);
    Object.assign(other, { real: undefined, mapping: undefined, view: undefined });
  }

  async createThere(other: Other, name: string, size: number) {
    if (!other.real || other.mapping || other.view) return;
    const answer = await other.real.create(name, size);
    const { section, created } = this.#join(name, size);
    Object.assign(other, { mapping: section, view: { section, access: 'write' } });
    expect(answer).toBe(created ? 'ok created' : 'ok opened');
  }

  async openThere(other: Other, name: string, access: MappingAccess) {
    if (!other.real || other.mapping || other.view) return;
    const answer = await other.real.open(name, access);
    if (!this.#sections.has(keyOf(name))) return expect(answer).toBe('error 2');
    const { section } = this.#join(name, 0);
    Object.assign(other, { mapping: section, view: { section, access } });
    expect(answer).toBe('ok');
  }

  async writeThere({ real, view }: Other, place: number, value: number): Promise<void> {
    if (!real || view?.access !== 'write') return;
    const offset = place % view.section.bytes.length;
    expect(await real.ask(`write ${offset} ${value}`)).toBe('ok');
    view.section.bytes[offset] = value;
  }

  async readThere({ real, view }: Other, place: number): Promise<void> {
    if (!real || !view) return;
    const offset = place % view.section.bytes.length;
    expect(await real.ask(`read ${offset}`)).toBe(`ok ${view.section.bytes[offset]}`);
  }

  async unmapThere(other: Other): Promise<void> {
    if (!other.real || !other.view) return;
    expect(await other.real.ask('unmap')).toBe('ok');
    other.view = undefined;
  }

  async closeThere(other: Other): Promise<void> {
    if (!other.real || !other.mapping || other.kind === 'dll') return;
    expect(await other.real.ask('close')).toBe('ok');
    this.#leave(other.mapping);
    other.mapping = undefined;
  }

  async setThere({ real, mapping }: Other, text: string): Promise<void> {
    if (!real || !mapping) return;
    await real.set(text);
    mapping.bytes.set(Buffer.from(`${text}\0`, 'utf16le'));
  }

  async getThere({ real }: Other, cchSize: number): Promise<void> {
    if (real) expect(await real.get(cchSize)).toBe(this.#text(cchSize));
  }
}
