const HEX = /^[0-9a-f]{32}$/;
const GROUPS = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;

/**
 * A UUID in canonical lower-case form, from any spelling that the server reads in paths (Starlette's `uuid` convertor: dashes may be
 * missing). Undefined for anything else.
 */
export function canonicalUuid(text: string): string | undefined {
  const lower = text.toLowerCase();
  return lower.length <= 36 && GROUPS.test(lower) ? dashed(lower.replaceAll('-', '')) : undefined;
}

/** The same for JSON bodies, where the server (pydantic) also reads `urn:uuid:` and braces. */
export function uuidInBody(text: string): string | undefined {
  const bare = text
    .toLowerCase()
    .replace(/^urn:uuid:/, '')
    .replace(/^\{(.*)\}$/, '$1');
  return canonicalUuid(bare);
}

/** The id at the end of `prefect.flow-run.UUID`. */
export function uuidOfResource(resourceId: string, kind: string): string | undefined {
  const prefix = `prefect.${kind}.`;
  return resourceId.startsWith(prefix) ? canonicalUuid(resourceId.slice(prefix.length)) : undefined;
}

function dashed(hex: string): string | undefined {
  if (!HEX.test(hex)) return undefined;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
