package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.Metadata;
import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.Tokenizers;
import io.lanewise.tokenizer.Vocabulary;

/** Reads the vocabulary that a GGUF file carries in its {@code tokenizer.ggml.*} keys. */
public final class VocabularyReader {
    private static final String PREFIX = "tokenizer.ggml.";
    /** An id of 2^32 - 1 is how some converters write that there is none. */
    private static final long NO_ID = 0xFFFFFFFFL;

    private VocabularyReader() {
    }

    /**
     * The tokenizer of a checkpoint.
     *
     * @throws FormatException when the vocabulary is missing or does not hold together; it names the file and the field
     */
    public static Tokenizer tokenizer(Checkpoint checkpoint) {
        try {
            return Tokenizers.of(read(checkpoint.metadata()));
        } catch (IllegalArgumentException e) {
            throw new FormatException(checkpoint.path(), PREFIX + e.getMessage(), e);
        }
    }

    /** The vocabulary in a file's metadata, as it stands there; {@link Tokenizers#of} checks it. */
    public static Vocabulary read(Metadata metadata) {
        String model = metadata.string(PREFIX + "model");
        Vocabulary.Builder builder = Vocabulary.builder(model, metadata.strings(PREFIX + "tokens"))
                .pre(metadata.string(PREFIX + "pre", null))
                .composeUnicode(false);
        if (metadata.has(PREFIX + "scores")) {
            builder.scores(metadata.floats(PREFIX + "scores"));
        }
        if (metadata.has(PREFIX + "token_type")) {
            builder.types(metadata.ints(PREFIX + "token_type"));
        }
        if (metadata.has(PREFIX + "merges")) {
            builder.merges(metadata.strings(PREFIX + "merges"));
        }
        readIds(builder, metadata, model);
        return builder.addBos(flag(metadata, "add_bos_token"))
                .addEos(flag(metadata, "add_eos_token"))
                .addSep(flag(metadata, "add_sep_token"))
                .addSpacePrefix(flag(metadata, "add_space_prefix"))
                .lowercase(flag(metadata, "normalizer.lowercase"))
                .stripAccents(flag(metadata, "normalizer.strip_accents"))
                .build();
    }

    /** Ids that a file does not name have the customary value of its kind: Llama 2's, BERT's, or none. */
    private static void readIds(Vocabulary.Builder builder, Metadata metadata, String model) {
        boolean llama = model.equals("llama");
        boolean bert = model.equals("bert");
        builder.bos(id(metadata, "bos_token_id", llama ? 1 : -1))
                .eos(id(metadata, "eos_token_id", llama ? 2 : -1))
                .unk(id(metadata, "unknown_token_id", llama ? 0 : bert ? 100 : -1))
                .sep(id(metadata, "seperator_token_id", id(metadata, "separator_token_id", bert ? 102 : -1)))
                .pad(id(metadata, "padding_token_id", bert ? 0 : -1))
                .cls(id(metadata, "cls_token_id", bert ? 101 : -1))
                .mask(id(metadata, "mask_token_id", bert ? 103 : -1))
                .eot(id(metadata, "eot_token_id", -1))
                .eom(id(metadata, "eom_token_id", -1));
    }

    private static int id(Metadata metadata, String key, int fallback) {
        long id = metadata.integer(PREFIX + key, fallback);
        return id == NO_ID ? -1 : (int) Math.clamp(id, Integer.MIN_VALUE, Integer.MAX_VALUE);
    }

    private static Boolean flag(Metadata metadata, String key) {
        return metadata.has(PREFIX + key) ? metadata.flag(PREFIX + key) : null;
    }
}
