package io.lanewise.tokenizer;

import java.util.BitSet;
import java.util.List;
import java.util.Objects;

/**
 * Everything a file says about its tokens, as plain data. {@link Tokenizers#of} checks it. Ids that a vocabulary does
 * not have are -1; a switch that it does not name is null and gets the default of its model kind. The arrays are not
 * copied and must not change.
 *
 * @param model          {@code llama} (SentencePiece-style BPE), {@code gpt2} (byte-level BPE) or {@code bert} (WordPiece)
 * @param pre            name of the pre-tokenizer rule of a byte-level BPE
 * @param tokens         the spelling of each id
 * @param scores         [tokens] the merge priority of {@code llama}; null otherwise
 * @param types          [tokens] codes of {@link TokenType}; null when all are normal
 * @param merges         {@code "left right"} in order of rank, of {@code gpt2}; null otherwise
 * @param ids            ids with a duty
 * @param addBos         put BOS (CLS of {@code bert}) in front
 * @param addEos         put EOS behind
 * @param addSep         put SEP behind
 * @param addSpacePrefix put a space in front of a text ({@code llama})
 * @param ignoreMerges   a word that is a token is that token, whatever the merges say ({@code gpt2})
 * @param lowercase      fold to lower case ({@code bert})
 * @param stripAccents   drop combining marks ({@code bert})
 * @param composeUnicode bring a text to Unicode's composed form NFC first
 * @param stripLeft      special tokens that swallow the white space before them; null for none
 * @param stripRight     special tokens that swallow the white space after them; null for none
 * @param prefixOnce     put that space in front of the text only, not again behind each special token
 * @param ends           further ids that end a model's turn; null for none
 */
public record Vocabulary(String model, String pre, List<String> tokens, float[] scores, int[] types,
        List<String> merges, SpecialIds ids, Boolean addBos, Boolean addEos, Boolean addSep, Boolean addSpacePrefix,
        Boolean ignoreMerges, Boolean lowercase, Boolean stripAccents, boolean composeUnicode, BitSet stripLeft,
        BitSet stripRight, boolean prefixOnce, BitSet ends) {

    /** Begins a vocabulary of a model kind. */
    public static Builder builder(String model, List<String> tokens) {
        return new Builder(model, tokens);
    }

    /**
     * Ids with a duty, each -1 when there is none.
     *
     * @param bos  begin of sequence
     * @param eos  end of sequence
     * @param unk  unknown
     * @param sep  separator
     * @param pad  padding
     * @param cls  classification; begin of sequence where there is no bos
     * @param mask masked word
     * @param eot  end of turn
     * @param eom  end of message
     */
    public record SpecialIds(int bos, int eos, int unk, int sep, int pad, int cls, int mask, int eot, int eom) {
    }

    /** Gathers the fields of a {@link Vocabulary}; what is not set is absent. */
    public static final class Builder {
        private final String model;
        private final List<String> tokens;
        private String pre;
        private float[] scores;
        private int[] types;
        private List<String> merges;
        private int bos = -1;
        private int eos = -1;
        private int unk = -1;
        private int sep = -1;
        private int pad = -1;
        private int cls = -1;
        private int mask = -1;
        private int eot = -1;
        private int eom = -1;
        private Boolean addBos;
        private Boolean addEos;
        private Boolean addSep;
        private Boolean addSpacePrefix;
        private Boolean ignoreMerges;
        private Boolean lowercase;
        private Boolean stripAccents;
        private boolean composeUnicode;
        private BitSet stripLeft;
        private BitSet stripRight;
        private boolean prefixOnce;
        private BitSet ends;

        private Builder(String model, List<String> tokens) {
            this.model = Objects.requireNonNull(model, "model");
            this.tokens = Objects.requireNonNull(tokens, "tokens");
        }

        /** Name of the pre-tokenizer rule. */
        public Builder pre(String name) {
            pre = name;
            return this;
        }

        /** [tokens] merge priorities. */
        public Builder scores(float[] values) {
            scores = values;
            return this;
        }

        /** [tokens] codes of {@link TokenType}. */
        public Builder types(int[] codes) {
            types = codes;
            return this;
        }

        /** {@code "left right"} in order of rank. */
        public Builder merges(List<String> pairs) {
            merges = pairs;
            return this;
        }

        /** Begin of sequence. */
        public Builder bos(int id) {
            bos = id;
            return this;
        }

        /** End of sequence. */
        public Builder eos(int id) {
            eos = id;
            return this;
        }

        /** Unknown. */
        public Builder unk(int id) {
            unk = id;
            return this;
        }

        /** Separator. */
        public Builder sep(int id) {
            sep = id;
            return this;
        }

        /** Padding. */
        public Builder pad(int id) {
            pad = id;
            return this;
        }

        /** Classification. */
        public Builder cls(int id) {
            cls = id;
            return this;
        }

        /** Masked word. */
        public Builder mask(int id) {
            mask = id;
            return this;
        }

        /** End of turn. */
        public Builder eot(int id) {
            eot = id;
            return this;
        }

        /** End of message. */
        public Builder eom(int id) {
            eom = id;
            return this;
        }

        /** Whether BOS goes in front; null for the default of the model kind. */
        public Builder addBos(Boolean add) {
            addBos = add;
            return this;
        }

        /** Whether EOS goes behind; null for the default of the model kind. */
        public Builder addEos(Boolean add) {
            addEos = add;
            return this;
        }

        /** Whether SEP goes behind; null for the default of the model kind. */
        public Builder addSep(Boolean add) {
            addSep = add;
            return this;
        }

        /** Whether a space goes in front of a text; null for the default of the model kind. */
        public Builder addSpacePrefix(Boolean add) {
            addSpacePrefix = add;
            return this;
        }

        /** Whether a word that is a token is that token; null for the default of the pre-tokenizer. */
        public Builder ignoreMerges(Boolean ignore) {
            ignoreMerges = ignore;
            return this;
        }

        /** Whether WordPiece folds to lower case; null for yes. */
        public Builder lowercase(Boolean fold) {
            lowercase = fold;
            return this;
        }

        /** Whether WordPiece drops combining marks; null for the value of {@link #lowercase}. */
        public Builder stripAccents(Boolean strip) {
            stripAccents = strip;
            return this;
        }

        /** Whether texts are brought to NFC first. */
        public Builder composeUnicode(boolean compose) {
            composeUnicode = compose;
            return this;
        }

        /** Special tokens that swallow the white space before them. */
        public Builder stripLeft(BitSet ids) {
            stripLeft = ids;
            return this;
        }

        /** Special tokens that swallow the white space after them. */
        public Builder stripRight(BitSet ids) {
            stripRight = ids;
            return this;
        }

        /** Whether the space in front of a text is not put in again behind each special token. */
        public Builder prefixOnce(boolean once) {
            prefixOnce = once;
            return this;
        }

        /** Further ids that end a model's turn. */
        public Builder ends(BitSet ids) {
            ends = ids;
            return this;
        }

        /** The vocabulary; {@link Tokenizers#of} checks it. */
        public Vocabulary build() {
            return new Vocabulary(model, pre, tokens, scores, types, merges,
                    new SpecialIds(bos, eos, unk, sep, pad, cls, mask, eot, eom), addBos, addEos, addSep,
                    addSpacePrefix, ignoreMerges, lowercase, stripAccents, composeUnicode, stripLeft, stripRight,
                    prefixOnce, ends);
        }
    }
}
