package io.lanewise.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VocabularyTrainerTest {
    @Test
    void mergesAreThoseOfTheSlowWay() {
        Random random = new Random(3);
        for (int round = 0; round < 50; round++) {
            List<int[]> words = new ArrayList<>();
            BpeMerges fast = new BpeMerges(30);
            long[] counts = new long[40];
            for (int w = 0; w < counts.length; w++) {
                int[] word = random.ints(random.nextInt(1, 12), 0, 4).toArray();
                counts[w] = random.nextInt(1, 5);
                words.add(word);
                fast.addWord(word.clone(), counts[w]);
            }
            fast.run(4);
            List<Long> merges = slowMerges(words, counts, 30, 4);
            assertThat(fast.count()).isEqualTo(merges.size());
            for (int rank = 0; rank < merges.size(); rank++) {
                assertThat((long) fast.left(rank) << 32 | fast.right(rank)).isEqualTo(merges.get(rank));
            }
        }
    }

    /** Counts all pairs anew for each merge. */
    private static List<Long> slowMerges(List<int[]> words, long[] counts, int limit, int firstNew) {
        List<Long> merges = new ArrayList<>();
        while (merges.size() < limit) {
            Map<Long, Long> pairs = new HashMap<>();
            for (int w = 0; w < counts.length; w++) {
                for (int i = 0; i + 1 < words.get(w).length; i++) {
                    pairs.merge((long) words.get(w)[i] << 32 | words.get(w)[i + 1], counts[w], Long::sum);
                }
            }
            Map.Entry<Long, Long> best = null;
            for (Map.Entry<Long, Long> pair : pairs.entrySet()) {
                if (best == null || pair.getValue() > best.getValue()
                        || pair.getValue().equals(best.getValue()) && pair.getKey() < best.getKey()) {
                    best = pair;
                }
            }
            if (best == null || best.getValue() < 2) {
                return merges;
            }
            int symbol = firstNew + merges.size();
            merges.add(best.getKey());
            for (int w = 0; w < counts.length; w++) {
                List<Integer> merged = new ArrayList<>();
                int[] word = words.get(w);
                for (int i = 0; i < word.length; i++) {
                    boolean match = i + 1 < word.length && ((long) word[i] << 32 | word[i + 1]) == best.getKey();
                    merged.add(match ? symbol : word[i]);
                    i += match ? 1 : 0;
                }
                words.set(w, merged.stream().mapToInt(Integer::intValue).toArray());
            }
        }
        return merges;
    }

    @Test
    void byteLevelVocabularyHasBytesMergesAndTheEndOfText() {
        Vocabulary vocabulary = VocabularyTrainer.byteLevelBpe(List.of("low low low lower lowest\n"), 261);
        assertThat(vocabulary.tokens()).hasSize(261).startsWith("!", "\"", "#").endsWith("<|endoftext|>");
        assertThat(vocabulary.tokens().subList(256, 260)).containsExactly("lo", "low", "Ġlow", "Ġlowe");
        assertThat(vocabulary.merges()).containsExactly("l o", "lo w", "Ġ low", "Ġlow e");
        assertThat(vocabulary.ids().eos()).isEqualTo(260);
        assertThat(vocabulary.types()[260]).isEqualTo(TokenType.CONTROL.code());
    }

    @Test
    void pairsThatOccurOnceAreNotMerged() {
        assertThat(VocabularyTrainer.byteLevelBpe(List.of("abcdef"), 1000).tokens()).hasSize(257);
    }

    @Test
    void chunksAtWordBordersGiveTheSameVocabulary() {
        String text = "To be, or not to be:\nthat is the question.\nWhether 'tis nobler\n";
        List<String> chunks = List.of("To be, or not to be:", "\nthat is the question.", "\nWhether 'tis nobler\n");
        assertThat(VocabularyTrainer.byteLevelBpe(chunks, 300).tokens())
                .isEqualTo(VocabularyTrainer.byteLevelBpe(List.of(text), 300).tokens());
    }

    @Test
    void characterVocabularyHasTheCharactersInOrder() {
        Vocabulary vocabulary = VocabularyTrainer.characters(List.of("banana\n"), false);
        assertThat(vocabulary.tokens()).containsExactly("Ċ", "a", "b", "n");
        assertThat(vocabulary.merges()).isEmpty();
        assertThat(vocabulary.ids().eos()).isEqualTo(-1);
    }

    @Test
    void charactersOfSeveralBytesAreOneTokenEach() {
        Vocabulary vocabulary = VocabularyTrainer.characters(List.of("aé€", "😀é"), true);
        assertThat(vocabulary.tokens()).startsWith("a", "Ã©", "âĤ¬", "ðŁĺĢ").endsWith("<|endoftext|>");
        assertThat(vocabulary.merges()).containsExactly("Ã ©", "â Ĥ", "âĤ ¬", "ð Ł", "ðŁ ĺ", "ðŁĺ Ģ");
    }

    @Test
    void tooSmallOrEmptyIsRefused() {
        assertThatThrownBy(() -> VocabularyTrainer.byteLevelBpe(List.of("a"), 256)).hasMessageContaining("257");
        assertThatThrownBy(() -> VocabularyTrainer.characters(List.of(), true)).hasMessageContaining("empty");
    }
}
