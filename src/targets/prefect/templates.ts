import { Problem } from '../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import { isList, isObject } from './bodies.ts';
import { uuidInBody } from './uuid.ts';

/** What a value makes somebody read on the caller's behalf: a worker, a run, or the server. */
export interface References {
  /** Blocks by `TYPE/NAME`, from `{{ prefect.blocks.TYPE.NAME.… }}` and slugs. */
  readonly blocks: ReadonlyMap<string, { readonly type: string; readonly name: string }>;
  readonly blockIds: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
  /** Something names a block, or a variable, in a way that does not say which: it counts as any. */
  readonly isAnyBlock: boolean;
  readonly isAnyVariable: boolean;
}

/** Values of one body together; more is refused, not skipped. */
const MAX_VALUES = 100_000;
const MAX_REFERENCES = 100;
const MAX_NESTING = 8;

/**
 * Everything that values name: templates in any text, `$ref` objects, and the server's own `__prefect_kind` objects. The same text
 * may be read by the server, a worker and the run in turn, so all forms count wherever they stand. Throws a Problem for bodies
 * that name too much to be decided.
 */
export function referencesIn(...values: readonly (JsonValue | undefined)[]): References {
  const scan = new Scan();
  for (const value of values) if (value !== undefined) scan.value(value, 0);
  return scan;
}

/**
 * Job variables, where a worker also reads `env.A` as a path of keys: `{"env.$ref.block_document_id": ID}` is a reference
 * (`BaseJobConfiguration.from_template_and_values`).
 */
export function nestedKeys(variables: JsonObject): JsonValue {
  return Object.entries(variables).map(([key, value]) => {
    const path = key.replaceAll('[', '.').replaceAll(']', '').split('.');
    return path
      .slice(0, 64)
      .reduceRight<JsonValue>((inner, name) => Object.assign(Object.create(null), { [name]: inner }), value);
  });
}

/** `utilities/templating`: `{{\s*([\w\.\-\[\]$]+)\s*}}`, with Python's wider notion of blanks and word characters. */
const PLACEHOLDER = /\{\{[\s\u001c-\u001f\u0085]*([\p{L}\p{N}\p{M}\p{Pc}.\-[\]$]+)[\s\u001c-\u001f\u0085]*\}\}/gu;
const BLOCKS = 'prefect.blocks.';
const VARIABLES = 'prefect.variables.';

class Scan implements References {
  readonly blocks = new Map<string, { readonly type: string; readonly name: string }>();
  readonly blockIds = new Set<string>();
  readonly variables = new Set<string>();
  isAnyBlock = false;
  isAnyVariable = false;
  #count = 0;

  value(value: JsonValue, nesting: number): void {
    if (++this.#count > MAX_VALUES) throw tooMuch();
    if (typeof value === 'string') this.#text(value);
    else if (isList(value)) for (const item of value) this.value(item, nesting);
    else if (isObject(value)) this.#object(value, nesting);
  }

  #object(value: JsonObject, nesting: number): void {
    if ('$ref' in value) this.#reference(value['$ref']);
    const kind = value['__prefect_kind'];
    if (kind === 'workspace_variable') this.#workspaceVariable(value['variable_name']);
    if (kind === 'json') this.#embedded(value['value'], nesting);
    for (const [key, item] of Object.entries(value)) {
      this.#text(key);
      this.value(item ?? null, nesting);
    }
  }

  #text(text: string): void {
    if (!text.includes('{{')) return;
    for (const [, name = ''] of text.matchAll(PLACEHOLDER)) {
      if (name.startsWith(BLOCKS)) this.#blockPath(name);
      // The client removes the prefix wherever it stands, so a name may be hidden inside another.
      else if (name.startsWith(VARIABLES)) this.#add(this.variables, name.replaceAll(VARIABLES, ''));
    }
  }

  #blockPath(name: string): void {
    const [type, block] = name.replaceAll(BLOCKS, '').split('.');
    if (type === undefined || type === '' || block === undefined || block === '') this.isAnyBlock = true;
    else this.#block(type, block);
  }

  #block(type: string, name: string): void {
    if (this.blocks.size >= MAX_REFERENCES) throw tooMuch();
    this.blocks.set(JSON.stringify([type, name]), { type, name });
  }

  /** `Block.load_from_ref`: an id, `{block_document_id}` or `{block_document_slug: "TYPE/NAME"}`. */
  #reference(reference: JsonValue | undefined): void {
    if (typeof reference === 'string') {
      // JSON schemas hold texts here as well: `#/definitions/x` names no block.
      const id = uuidInBody(reference);
      if (id !== undefined) this.#add(this.blockIds, id);
      return;
    }
    if (!isObject(reference)) return;
    const id = reference['block_document_id'];
    if (id !== undefined && id !== null) {
      const uuid = typeof id === 'string' ? uuidInBody(id) : undefined;
      if (uuid === undefined) this.isAnyBlock = true;
      else this.#add(this.blockIds, uuid);
    }
    const slug = reference['block_document_slug'];
    if (typeof slug === 'string') {
      const [type = '', name = '', ...rest] = slug.split('/');
      if (type === '' || name === '' || rest.length > 0) this.isAnyBlock = true;
      else this.#block(type, name);
    } else if (slug !== undefined && slug !== null) this.isAnyBlock = true;
  }

  #workspaceVariable(name: JsonValue | undefined): void {
    if (typeof name === 'string') this.#add(this.variables, name);
    else if (name !== undefined) this.isAnyVariable = true;
  }

  /** The server reads the text as JSON, and the run then reads what is in it. A text that is made by a template may be anything. */
  #embedded(value: JsonValue | undefined, nesting: number): void {
    if (isObject(value)) {
      this.isAnyBlock = true;
      return;
    }
    if (typeof value !== 'string') return;
    if (nesting >= MAX_NESTING) throw tooMuch();
    let parsed: JsonValue;
    try {
      parsed = parseJson(new TextEncoder().encode(value));
    } catch (thrown) {
      // The server's parser is laxer than ours (duplicate names, NaN): what only it reads is not known to us.
      const isGarbage = thrown instanceof Problem && thrown.code === 'JSON_INVALID';
      if (!isGarbage || value.includes('$ref') || value.includes('\\u')) this.isAnyBlock = true;
      return;
    }
    this.value(parsed, nesting + 1);
  }

  #add(set: Set<string>, item: string): void {
    if (set.size >= MAX_REFERENCES) throw tooMuch();
    set.add(item);
  }
}

function tooMuch(): Problem {
  return new Problem({
    code: 'BODY_TOO_COMPLEX',
    kind: 'too_large',
    message: 'the body names more blocks, variables or values than can be decided on',
  });
}
