package io.lanewise.tokenizer;

/** Makes tokenizers of vocabularies. */
public final class Tokenizers {
    private Tokenizers() {
    }

    /**
     * The tokenizer of a vocabulary.
     *
     * @throws IllegalArgumentException when the vocabulary does not hold together; the message names the field
     */
    public static Tokenizer of(Vocabulary vocabulary) {
        Vocabularies.check(vocabulary);
        return switch (vocabulary.model()) {
            case "llama" -> new SentencePieceTokenizer(vocabulary);
            case "gpt2" -> new ByteLevelTokenizer(vocabulary);
            case "bert" -> new WordPieceTokenizer(vocabulary);
            default -> throw new IllegalArgumentException("model: '" + vocabulary.model()
                    + "' is no kind of tokenizer known here: llama (SentencePiece BPE), gpt2 (byte-level BPE), bert "
                    + "(WordPiece)");
        };
    }
}
