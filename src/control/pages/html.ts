/** Markup that is safe to send: made by `html` alone. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Piece = Html | string | number | undefined | readonly Piece[];

/**
 * A template whose values are escaped unless they are markup already. INVARIANT: values stand in text or between double quotes,
 * never in a tag, a style or a URL's scheme.
 */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let text = strings[0] ?? '';
  for (const [index, piece] of pieces.entries()) text += written(piece) + (strings[index + 1] ?? '');
  return new Html(text);
}

/** A sentence as Problems and rules write them: what stands in backticks is code. */
export function prose(text: string): Html {
  return html`${text.split('`').map((part, index, { length }) => (index % 2 === 1 && index < length - 1 ? html`<code>${part}</code>` : part))}`;
}

function written(piece: Piece): string {
  if (piece === undefined) return '';
  if (piece instanceof Html) return piece.text;
  if (typeof piece === 'string') return escaped(piece);
  return typeof piece === 'number' ? String(piece) : piece.map(written).join('');
}

/** Characters that steer the direction or the look of text are shown as a mark: names in the record come from anybody. */
function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd')
    .replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
