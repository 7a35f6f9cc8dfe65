package io.lanewise.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Makes vocabularies of a corpus: byte-level BPE, or one token a character. Both are byte-level BPE vocabularies with
 * GPT-2's rule for words, so that whatever reads those reads these. The same texts give the same vocabulary, however they
 * are cut into chunks at word borders.
 */
public final class VocabularyTrainer {
    /** The control token that parts documents: it begins and ends a sequence. The last id of every vocabulary made here. */
    public static final String END_OF_TEXT = "<|endoftext|>";

    private static final int BYTES = 256;

    private VocabularyTrainer() {
    }

    /**
     * Byte-level BPE (Sennrich, Haddow and Birch, ACL 2016, on bytes): starts from the 256 bytes and merges the pair of
     * neighbours that is most frequent inside words, again and again. Of pairs equally frequent the one of lower ids is
     * merged first. Pairs that occur once are not merged, so that a small corpus gives fewer tokens than asked for.
     *
     * @param texts      the corpus in chunks; a chunk's end is a word's end
     * @param vocabSize  tokens in all, {@link #END_OF_TEXT} included; at least 257
     */
    public static Vocabulary byteLevelBpe(Iterable<String> texts, int vocabSize) {
        if (vocabSize < BYTES + 1) {
            throw new IllegalArgumentException("vocabulary size: expected at least " + (BYTES + 1)
                    + " (every byte and the end of text), got " + vocabSize);
        }
        String[] spelling = byteSpellings();
        int[] byteIds = idsInGpt2Order(spelling);
        BpeMerges merges = new BpeMerges(vocabSize - 1 - BYTES);
        countWords(texts).forEach((word, count) -> merges.addWord(ids(word, byteIds), count[0]));
        merges.run(BYTES);

        List<String> tokens = new ArrayList<>(Arrays.asList(new String[BYTES]));
        for (int b = 0; b < BYTES; b++) {
            tokens.set(byteIds[b], spelling[b]);
        }
        List<String> pairs = new ArrayList<>();
        for (int rank = 0; rank < merges.count(); rank++) {
            String left = tokens.get(merges.left(rank));
            String right = tokens.get(merges.right(rank));
            pairs.add(left + " " + right);
            tokens.add(left + right);
        }
        return build(tokens, pairs, true);
    }

    private static Map<String, long[]> countWords(Iterable<String> texts) {
        Map<String, long[]> counts = new LinkedHashMap<>();
        Splitter words = new GptSplitter();
        for (String text : texts) {
            char[] chars = text.toCharArray();
            Utf8.repair(chars);
            for (int from = 0; from < chars.length; ) {
                int end = words.end(chars, from, chars.length);
                counts.computeIfAbsent(new String(chars, from, end - from), word -> new long[1])[0]++;
                from = end;
            }
        }
        return counts;
    }

    private static int[] ids(String word, int[] byteIds) {
        byte[] utf8 = word.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[utf8.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = byteIds[utf8[i] & 0xFF];
        }
        return ids;
    }

    /**
     * One token for each character of the corpus, in the order of their code points. Characters beyond ASCII take several
     * bytes: their bytes, and pairs of them where they have more than two, are tokens too, behind the characters, so that
     * merging finds the way. Characters that the corpus does not have cannot be spelt.
     *
     * @param endOfText whether the vocabulary gets {@link #END_OF_TEXT} as its last token
     */
    public static Vocabulary characters(Iterable<String> texts, boolean endOfText) {
        TreeSet<Integer> characters = new TreeSet<>();
        for (String text : texts) {
            text.codePoints().forEach(characters::add);
        }
        if (characters.isEmpty()) {
            throw new IllegalArgumentException("characters: the corpus is empty");
        }
        String[] spelling = byteSpellings();
        Set<String> tokens = new LinkedHashSet<>();
        Set<String> parts = new LinkedHashSet<>();
        Set<String> merges = new LinkedHashSet<>();
        for (int character : characters) {
            byte[] utf8 = Character.toString(character).getBytes(StandardCharsets.UTF_8);
            String whole = spelling[utf8[0] & 0xFF];
            for (int i = 1; i < utf8.length; i++) {
                String next = spelling[utf8[i] & 0xFF];
                parts.add(whole);
                parts.add(next);
                merges.add(whole + " " + next);
                whole += next;
            }
            tokens.add(whole);
        }
        tokens.addAll(parts);
        return build(new ArrayList<>(tokens), new ArrayList<>(merges), endOfText);
    }

    private static Vocabulary build(List<String> tokens, List<String> merges, boolean endOfText) {
        if (endOfText) {
            tokens.add(END_OF_TEXT);
        }
        int[] types = new int[tokens.size()];
        Arrays.fill(types, TokenType.NORMAL.code());
        Vocabulary.Builder builder = Vocabulary.builder("gpt2", List.copyOf(tokens)).pre("gpt-2").types(types)
                .merges(List.copyOf(merges)).addBos(false);
        if (endOfText) {
            int last = tokens.size() - 1;
            types[last] = TokenType.CONTROL.code();
            builder.bos(last).eos(last);
        }
        return builder.build();
    }

    /** How GPT-2 spells each byte: itself where it prints, else a character from U+0100 on. */
    private static String[] byteSpellings() {
        String[] spelling = new String[BYTES];
        int next = 0x100;
        for (int b = 0; b < BYTES; b++) {
            boolean prints = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            spelling[b] = Character.toString(prints ? b : next++);
        }
        return spelling;
    }

    /** GPT-2's ids of the bytes: first those that print, then the others. */
    private static int[] idsInGpt2Order(String[] spelling) {
        Integer[] order = new Integer[BYTES];
        Arrays.setAll(order, b -> b);
        Arrays.sort(order, Comparator.comparingInt((Integer b) -> spelling[b].charAt(0)));
        int[] ids = new int[BYTES];
        for (int id = 0; id < BYTES; id++) {
            ids[order[id]] = id;
        }
        return ids;
    }
}
