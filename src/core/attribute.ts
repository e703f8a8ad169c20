/** Values that conditions read. CEL's int is a bigint, its double a number; a timestamp is a Date. */
export type AttributeValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Date
  | readonly AttributeValue[]
  | { readonly [name: string]: AttributeValue };

export type Attributes = { readonly [name: string]: AttributeValue };

/** Types of the published attribute schemas; they are per method (`Catalogue.methods`). */
export type AttributeType =
  | { readonly kind: 'null' | 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration' | 'dyn' }
  | { readonly kind: 'list'; readonly of: AttributeType }
  | { readonly kind: 'map'; readonly of: AttributeType };

export interface AttributeEntry {
  readonly type: AttributeType;
  /** One sentence for docs and editors. */
  readonly title: string;
  /** True when the method may leave it out, so that a condition must guard it with `has()`. */
  readonly optional?: boolean;
  /** True when clients choose it freely, so that lint can warn. */
  readonly clientControlled?: boolean;
}

export type AttributeSchema = Readonly<Record<string, AttributeEntry>>;
