import type { Diagnostic } from '../../core/diagnostic.ts';
import type { JsonValue } from '../../wire/call.ts';
import type { FieldPath, MeshConfig, MeshObject, Place } from '../objects.ts';
import { forbiddenCharacter } from './characters.ts';
import { jsonListParts, jsonValues, yamlListParts } from './list-items.ts';
import { identityOf } from './model.ts';
import { ObjectReader } from './object-reader.ts';
import { Places } from './place.ts';
import { type DocumentSpan, type Span, splitDocuments } from './span.ts';
import { COMPLETE_BUDGET, type CompleteBudget, isJson, readSpan } from './written-value.ts';

export interface MeshSource {
  /** As it shall stand in diagnostics. */
  readonly file: string;
  readonly text: string;
}

export interface ReadOptions {
  /** For objects that name no namespace; `default` when not given. */
  readonly defaultNamespace?: string;
}

export interface MeshReading {
  readonly objects: readonly MeshObject[];
  readonly meshConfigs: readonly { readonly config: MeshConfig; readonly place: Place }[];
  /** In the order of the files and their lines. */
  readonly diagnostics: readonly Diagnostic[];
  /** How many objects of other kinds were left aside, by `apiVersion kind`. */
  readonly skipped: ReadonlyMap<string, number>;
  /** False when something was not read: no verdict may be given without saying so. */
  readonly isComplete: boolean;
}

/** The longest file that is read, in UTF-16 units. */
export const MAX_FILE_CHARACTERS = 1 << 25;

/**
 * Reads Kubernetes objects from YAML and JSON texts: several documents a file, `List` objects, the output of `kubectl` and `helm`.
 * Values are those that Kubernetes reads (see `scalar.ts`), schemas those of Istio's resource definitions. What does not fit is
 * named in `diagnostics` with its line, left out, and makes the reading incomplete; everything else is read all the same.
 */
export function readMeshObjects(sources: readonly MeshSource[], options: ReadOptions = {}): MeshReading {
  const reader = new ObjectReader(options.defaultNamespace ?? 'default');
  for (const source of sources) new FileReader(source, reader).read();
  reportDuplicates(reader);
  const { objects, meshConfigs, skipped } = reader;
  const diagnostics = inOrder(reader.diagnostics, sources);
  return { objects, meshConfigs, diagnostics, skipped, isComplete: !diagnostics.some(({ severity }) => severity === 'error') };
}

class FileReader {
  readonly #source: MeshSource;
  readonly #objects: ObjectReader;
  readonly #places: Places;
  readonly #budget: CompleteBudget = { left: COMPLETE_BUDGET };

  constructor(source: MeshSource, objects: ObjectReader) {
    this.#source = source;
    this.#objects = objects;
    this.#places = new Places(source.file);
  }

  read(): void {
    const { file, text } = this.#source;
    if (text.length > MAX_FILE_CHARACTERS) {
      const message = `the file is longer than ${MAX_FILE_CHARACTERS} characters`;
      this.#objects.report({ severity: 'error', code: 'FILE_TOO_LARGE', message, file, line: 0, column: 0, help: 'split it' });
      return;
    }
    for (const document of splitDocuments(text)) this.#document(document);
  }

  #document(span: DocumentSpan): void {
    if (span.badSeparator !== undefined) {
      const place = { file: this.#source.file, line: span.line - 1, column: 4 };
      this.#fault('YAML_SYNTAX', 'text behind the separator `---`', place, 'put it on a line of its own, as Kubernetes reads it');
      return;
    }
    const bad = forbiddenCharacter(span.text.slice(span.start, span.end));
    if (bad !== undefined) {
      const place = this.#places.placeAt(span, span.start + bad.at);
      this.#fault(
        'YAML_SYNTAX',
        `the character ${bad.name} cannot stand in YAML`,
        place,
        'write it as an escape in double quotes',
      );
      return;
    }
    for (const value of isJson(span) ? jsonValues(span) : [span]) this.#value(value);
  }

  /** One document, or one of several JSON values that follow each other. */
  #value(span: Span): void {
    const parts = isJson(span) ? jsonListParts(span) : yamlListParts(span);
    const frame = parts === undefined ? undefined : this.#frame(span, parts.frame);
    if (parts === undefined || frame === undefined) this.#span(span, []);
    else for (const item of parts.items) this.#span(item, parts.isDashed ? [0] : [], frame);
  }

  /** The kind of the items when the document is a list that may be taken apart. */
  #frame(span: Span, text: string): { readonly listOf: string } | undefined {
    const read = readSpan({ ...span, text, start: 0, end: text.length }, this.#budget);
    const listOf = 'value' in read ? this.#objects.listOf(read.value) : undefined;
    return listOf === undefined ? undefined : { listOf };
  }

  #span(span: Span, prefix: FieldPath, frame?: { readonly listOf: string }): void {
    const read = readSpan(span, this.#budget);
    if ('faults' in read) {
      for (const fault of read.faults) {
        this.#fault(fault.code, fault.message, this.#places.placeAt(span, fault.at), fault.help ?? this.#hint(span));
      }
      return;
    }
    const [value] = prefix.length > 0 && Array.isArray(read.value) ? (read.value as readonly JsonValue[]) : [read.value];
    this.#objects.read(value ?? null, {
      placeOf: (path) => this.#places.placeOf(span, [...prefix, ...path]),
      nameOf: (path) => this.#places.nameOf(span, [...prefix, ...path]),
      defaultKind: frame?.listOf ?? '',
    });
  }

  #hint(span: Span): string | undefined {
    const isTemplate = span.text.slice(span.start, span.end).includes('{{');
    return isTemplate ? 'this looks like a template: render it first, as with `helm template`' : undefined;
  }

  #fault(code: string, message: string, place: Place, help?: string): void {
    this.#objects.report({ severity: 'error', code, message, ...place, ...(help === undefined ? {} : { help }) });
  }
}

/** The same object twice, with different content, leaves open which one counts: of policies that is too much. */
function reportDuplicates(reader: ObjectReader): void {
  const seen = new Map<string, MeshObject>();
  for (const object of reader.objects) {
    const identity = identityOf(object);
    const earlier = seen.get(identity);
    seen.set(identity, object);
    if (earlier === undefined || isSame(earlier, object)) continue;
    const first = earlier.placeOf([]);
    const name = object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
    const other = `\`${name}\` stands twice, with other content in ${first.file}:${first.line}`;
    const severity = isPolicy(object) ? 'error' : 'warning';
    const message = severity === 'error' ? other : `${other}: this one counts`;
    const help = 'read only one of them, such as the overlay that is applied';
    reader.report({ severity, code: 'DUPLICATE_OBJECT', message, ...object.placeOf(['metadata', 'name']), help });
  }
}

/** What is read of both is equal: images, replicas and the like decide nothing here. */
function isSame(one: MeshObject, other: MeshObject): boolean {
  return decisive(one) === decisive(other);
}

function decisive(object: MeshObject): string {
  const { raw, placeOf: _placeOf, created: _created, annotations: _annotations, ...read } = object;
  return JSON.stringify(isPolicy(object) ? raw : read);
}

function isPolicy({ kind }: MeshObject): boolean {
  return kind === 'AuthorizationPolicy' || kind === 'RequestAuthentication' || kind === 'PeerAuthentication';
}

function inOrder(diagnostics: readonly Diagnostic[], sources: readonly MeshSource[]): readonly Diagnostic[] {
  const order = new Map(sources.map(({ file }, index) => [file, index]));
  const rank = (diagnostic: Diagnostic): number => order.get(diagnostic.file) ?? 0;
  return [...diagnostics].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}
