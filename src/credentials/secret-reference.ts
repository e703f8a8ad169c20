import { fileURLToPath } from 'node:url';

/** Where a secret stands. The reference may be shown; what it points at may not. */
export type SecretReference =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string }
  /** A scheme that is known and that nothing reads yet. */
  | { readonly kind: 'unsupported'; readonly scheme: string }
  /** Not a reference. The text is not repeated anywhere: it may be the secret itself. */
  | { readonly kind: 'invalid'; readonly message: string };

const UNSUPPORTED = ['vault', 'gcp-sm', 'aws-sm', 'k8s'] as const;
const MAX_LENGTH = 4096;
const FORM = 'a secret reference is `file:///absolute/path`, or `env://NAME` for development';

/** Reads `file:///run/secrets/x` or `env://NAME`. Never throws; the message of a refusal never holds the text. */
export function parseSecretReference(text: string): SecretReference {
  if (text.length > MAX_LENGTH) return { kind: 'invalid', message: FORM };
  const scheme = /^([a-z][a-z0-9-]*):\/\//.exec(text)?.[1];
  if (scheme === 'file') return file(text);
  if (scheme === 'env') return env(text.slice('env://'.length));
  const unsupported = UNSUPPORTED.find((name) => name === scheme);
  return unsupported === undefined ? { kind: 'invalid', message: FORM } : { kind: 'unsupported', scheme: unsupported };
}

/** Sentence for a reference that is recognised and refused. */
export function unsupportedText(scheme: string): string {
  return `secrets from \`${scheme}://\` are not supported yet`;
}

function file(text: string): SecretReference {
  const refused: SecretReference = { kind: 'invalid', message: '`file://` needs an absolute path: `file:///run/secrets/name`' };
  if (!text.startsWith('file:///') || text.endsWith('/') || /[?#\s\0]/.test(text)) return refused;
  try {
    const path = fileURLToPath(text);
    return path.includes('\0') ? refused : { kind: 'file', path };
  } catch {
    return refused;
  }
}

function env(name: string): SecretReference {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return { kind: 'invalid', message: '`env://` needs the name of an environment variable: `env://PREFECT_AUTH`' };
  }
  return { kind: 'env', name };
}
