package io.lanewise.tokenizer;

import java.util.Arrays;
import java.util.List;

/** Checks of vocabularies, and what is read from them in one way for every kind. */
final class Vocabularies {
    private Vocabularies() {
    }

    /** Refuses a vocabulary whose parts do not fit together. */
    static void check(Vocabulary vocabulary) {
        int size = vocabulary.tokens().size();
        if (size == 0) {
            throw new IllegalArgumentException("tokens: the vocabulary is empty");
        }
        if (vocabulary.scores() != null && vocabulary.scores().length != size) {
            throw wrongLength("scores", vocabulary.scores().length, size);
        }
        if (vocabulary.types() != null && vocabulary.types().length != size) {
            throw wrongLength("token_type", vocabulary.types().length, size);
        }
        Vocabulary.SpecialIds ids = vocabulary.ids();
        checkId("bos_token_id", ids.bos(), size);
        checkId("eos_token_id", ids.eos(), size);
        checkId("unknown_token_id", ids.unk(), size);
        checkId("seperator_token_id", ids.sep(), size);
        checkId("padding_token_id", ids.pad(), size);
        checkId("cls_token_id", ids.cls(), size);
        checkId("mask_token_id", ids.mask(), size);
        checkId("eot_token_id", ids.eot(), size);
        checkId("eom_token_id", ids.eom(), size);
    }

    private static IllegalArgumentException wrongLength(String field, int length, int tokens) {
        return new IllegalArgumentException(field + ": has " + length + " entries for " + tokens + " tokens");
    }

    private static void checkId(String field, int id, int size) {
        if (id < -1 || id >= size) {
            throw new IllegalArgumentException(field + ": " + id + " is not an id of a vocabulary of " + size);
        }
    }

    /** The code of every token's {@link TokenType}. */
    static byte[] types(Vocabulary vocabulary) {
        byte[] types = new byte[vocabulary.tokens().size()];
        if (vocabulary.types() == null) {
            Arrays.fill(types, VocabularyTokenizer.NORMAL);
            return types;
        }
        int[] codes = vocabulary.types();
        for (int id = 0; id < types.length; id++) {
            // Some converters leave 0 (undefined) where they mean an ordinary token.
            int code = codes[id] == 0 ? VocabularyTokenizer.NORMAL : codes[id];
            if (TokenType.of(code) == null) {
                throw new IllegalArgumentException("token_type[" + id + "]: " + code + " is not a type (1 to 6)");
            }
            types[id] = (byte) code;
        }
        return types;
    }

    /** The tokens that are recognised when spelt out in a text. */
    static SpecialTokens specials(Vocabulary vocabulary, byte[] types) {
        List<String> tokens = vocabulary.tokens();
        int[] ids = new int[16];
        int count = 0;
        for (int id = 0; id < types.length; id++) {
            byte type = types[id];
            boolean special = type == VocabularyTokenizer.CONTROL || type == VocabularyTokenizer.USER_DEFINED
                    || type == VocabularyTokenizer.UNKNOWN;
            if (special && !tokens.get(id).isEmpty()) {
                if (count == ids.length) {
                    ids = Arrays.copyOf(ids, 2 * count);
                }
                ids[count++] = id;
            }
        }
        String[] spellings = new String[count];
        for (int i = 0; i < count; i++) {
            spellings[i] = tokens.get(ids[i]);
        }
        return new SpecialTokens(spellings, Arrays.copyOf(ids, count), types);
    }

    /** The default of a switch that the vocabulary does not name. */
    static boolean orElse(Boolean named, boolean fallback) {
        return named == null ? fallback : named;
    }

    /** Refuses two tokens with the same spelling. */
    static void refuseDuplicate(Vocabulary vocabulary, int id, int earlier) {
        if (earlier >= 0) {
            throw duplicate(vocabulary, id, earlier);
        }
    }

    /** The problem that two tokens have the same spelling. */
    static IllegalArgumentException duplicate(Vocabulary vocabulary, int id, int earlier) {
        return new IllegalArgumentException("tokens[" + id + "] '" + vocabulary.tokens().get(id) + "' is also tokens["
                + earlier + "]: every token must be spelt differently");
    }
}
