import { Document, Scalar, visit } from 'yaml';

/** All that is not printed raw, but for the line feed, which block scalars hold. */
const HIDDEN = /[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/u;

/** A block scalar would end in blank lines, which the end of the output has none of. */
const BLANK_END = /\s$/u;

/** A value as YAML with no raw control character: text that holds one is quoted, and each of them escaped (YAML 1.2.2 §5.7). */
export function yamlText(value: unknown): string {
  // Through JSON, as for `-o json`: absent members stay absent, and equal objects do not become anchors.
  const document = new Document(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && (HIDDEN.test(node.value) || BLANK_END.test(node.value)))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document
    .toString({ lineWidth: 0 })
    .trimEnd()
    .replace(new RegExp(HIDDEN, 'gu'), (found) => `\\U${(found.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`);
}
