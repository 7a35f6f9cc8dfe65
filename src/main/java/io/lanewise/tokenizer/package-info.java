/**
 * Text to token ids and back, from plain vocabulary data: SentencePiece-style BPE, byte-level BPE and WordPiece.
 *
 * <p>{@link io.lanewise.tokenizer.Tokenizers#of} makes a {@link io.lanewise.tokenizer.Tokenizer} of a
 * {@link io.lanewise.tokenizer.Vocabulary}; nothing here knows of files.
 */
package io.lanewise.tokenizer;
