/** Bounds on what is read before anything is understood; a document above one of them is refused. */
export const LIMITS = {
  /** Bytes of the document in UTF-8. */
  documentBytes: 256 * 1024,
  /** Nested maps and lists. */
  documentDepth: 24,
  /** Maps, lists and scalars, aliases expanded. */
  documentNodes: 5_000,
  /** Lexical tokens, spaces and line ends included. */
  documentTokens: 40_000,
  /** Uses of anchors. */
  aliases: 20,
  /** Bytes of each named file. */
  fileBytes: 256 * 1024,
  /** Files named by one document. */
  files: 16,
  /** Problems listed in one answer. */
  problems: 100,
  /** Characters of one expression. */
  expressionLength: 1_000,
  /** Nested brackets of one expression. */
  expressionDepth: 32,
  /** Nodes of the syntax tree of one expression; every node is evaluated at most once. */
  expressionNodes: 200,
  /** Characters of a text value an expression may read. */
  expressionTextLength: 4_096,
} as const;
