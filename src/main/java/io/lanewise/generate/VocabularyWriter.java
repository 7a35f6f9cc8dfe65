package io.lanewise.generate;

import io.lanewise.format.GgufWriter;
import io.lanewise.tokenizer.Vocabulary;

/** Writes a vocabulary as the {@code tokenizer.ggml.*} keys of a GGUF file: what {@link VocabularyReader} reads. */
public final class VocabularyWriter {
    private static final String PREFIX = "tokenizer.ggml.";

    private VocabularyWriter() {
    }

    /** Sets the keys of a vocabulary; what it does not have gets no key. */
    public static void write(Vocabulary vocabulary, GgufWriter out) {
        out.string(PREFIX + "model", vocabulary.model());
        if (vocabulary.pre() != null) {
            out.string(PREFIX + "pre", vocabulary.pre());
        }
        out.strings(PREFIX + "tokens", vocabulary.tokens());
        if (vocabulary.scores() != null) {
            out.float32s(PREFIX + "scores", vocabulary.scores());
        }
        if (vocabulary.types() != null) {
            out.int32s(PREFIX + "token_type", vocabulary.types());
        }
        if (vocabulary.merges() != null) {
            out.strings(PREFIX + "merges", vocabulary.merges());
        }
        writeIds(vocabulary.ids(), out);
        flag(out, "add_bos_token", vocabulary.addBos());
        flag(out, "add_eos_token", vocabulary.addEos());
        flag(out, "add_sep_token", vocabulary.addSep());
        flag(out, "add_space_prefix", vocabulary.addSpacePrefix());
        flag(out, "normalizer.lowercase", vocabulary.lowercase());
        flag(out, "normalizer.strip_accents", vocabulary.stripAccents());
    }

    private static void writeIds(Vocabulary.SpecialIds ids, GgufWriter out) {
        id(out, "bos_token_id", ids.bos());
        id(out, "eos_token_id", ids.eos());
        id(out, "unknown_token_id", ids.unk());
        id(out, "seperator_token_id", ids.sep());
        id(out, "padding_token_id", ids.pad());
        id(out, "cls_token_id", ids.cls());
        id(out, "mask_token_id", ids.mask());
        id(out, "eot_token_id", ids.eot());
        id(out, "eom_token_id", ids.eom());
    }

    private static void id(GgufWriter out, String key, int id) {
        if (id >= 0) {
            out.uint32(PREFIX + key, id);
        }
    }

    private static void flag(GgufWriter out, String key, Boolean value) {
        if (value != null) {
            out.bool(PREFIX + key, value);
        }
    }
}
