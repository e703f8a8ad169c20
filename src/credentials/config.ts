/** What configuration needs to know of secrets: whether a text is a reference at all. */
export { parseSecretReference, unsupportedText } from './secret-reference.ts';
