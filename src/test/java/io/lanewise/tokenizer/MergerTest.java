package io.lanewise.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

import org.junit.jupiter.api.Test;

/** Both ways of merging against the plainest one: look at all pairs, merge the best, begin again. */
class MergerTest {
    @Test
    void longAndShortWordsMergeAsByLookingAtAllPairs() {
        Random random = new Random(7);
        for (int round = 0; round < 400; round++) {
            Map<String, Integer> ranks = randomMerges(random, 3 + random.nextInt(3), 40);
            Tokenizer tokenizer = tokenizer(ranks);
            for (int length : new int[] {1, 2, 5, 30, 63, 64, 65, 66, 200}) {
                String word = randomWord(random, length);
                assertThat(spelling(tokenizer, tokenizer.encode(word, false, false))).isEqualTo(slowMerge(word, ranks));
            }
        }
    }

    private static Map<String, Integer> randomMerges(Random random, int letters, int count) {
        List<String> tokens = new ArrayList<>();
        for (int i = 0; i < letters; i++) {
            tokens.add(Character.toString('a' + i));
        }
        Map<String, Integer> ranks = new HashMap<>();
        for (int i = 0; i < count; i++) {
            String left = tokens.get(random.nextInt(tokens.size()));
            String right = tokens.get(random.nextInt(tokens.size()));
            if (ranks.putIfAbsent(left + " " + right, ranks.size()) == null && !tokens.contains(left + right)) {
                tokens.add(left + right);
            }
        }
        return ranks;
    }

    private static Tokenizer tokenizer(Map<String, Integer> ranks) {
        List<String> tokens = new ArrayList<>(List.of("a", "b", "c", "d", "e", "f"));
        String[] merges = new String[ranks.size()];
        ranks.forEach((pair, rank) -> merges[rank] = pair);
        for (String merge : merges) {
            String token = merge.replace(" ", "");
            if (!tokens.contains(token)) {
                tokens.add(token);
            }
        }
        return Tokenizers.of(Vocabulary.builder("gpt2", tokens).pre("gpt-2").merges(List.of(merges)).build());
    }

    private static String randomWord(Random random, int length) {
        StringBuilder word = new StringBuilder();
        for (int i = 0; i < length; i++) {
            word.append((char) ('a' + random.nextInt(3)));
        }
        return word.toString();
    }

    private static List<String> spelling(Tokenizer tokenizer, int[] ids) {
        List<String> tokens = new ArrayList<>();
        for (int id : ids) {
            tokens.add(tokenizer.token(id));
        }
        return tokens;
    }

    private static List<String> slowMerge(String word, Map<String, Integer> ranks) {
        List<String> symbols = new ArrayList<>(List.of(word.split("")));
        while (true) {
            int best = -1;
            int bestRank = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                int rank = ranks.getOrDefault(symbols.get(i) + " " + symbols.get(i + 1), Integer.MAX_VALUE);
                if (rank < bestRank) {
                    best = i;
                    bestRank = rank;
                }
            }
            if (best < 0) {
                return symbols;
            }
            symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
        }
    }

    @Test
    void piecesOfSentencePieceMergeAsTheWholeTextWould() {
        Random random = new Random(8);
        for (int round = 0; round < 300; round++) {
            Map<String, Float> scores = new HashMap<>();
            List<String> tokens = new ArrayList<>(List.of("<unk>", "\u2581", "a", "b", "c", "."));
            for (int i = 0; i < 30; i++) {
                String token = tokens.get(1 + random.nextInt(tokens.size() - 1))
                        + tokens.get(1 + random.nextInt(tokens.size() - 1));
                if (!tokens.contains(token) && token.length() < 12) {
                    tokens.add(token);
                }
            }
            float[] score = new float[tokens.size()];
            int[] types = new int[tokens.size()];
            for (int id = 0; id < score.length; id++) {
                score[id] = -random.nextInt(12);
                types[id] = id == 0 ? 2 : 1;
                scores.put(tokens.get(id), score[id]);
            }
            Tokenizer tokenizer = Tokenizers.of(Vocabulary.builder("llama", tokens).scores(score).types(types).unk(0)
                    .addBos(false).build());
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(120); n >= 0; n--) {
                text.append("  abc.".charAt(random.nextInt(6)));
            }
            assertThat(spelling(tokenizer, tokenizer.encode(text.toString(), false, false)))
                    .isEqualTo(slowMergeByScore('\u2581' + text.toString().replace(' ', '\u2581'), scores));
        }
    }

    private static List<String> slowMergeByScore(String text, Map<String, Float> scores) {
        List<String> symbols = new ArrayList<>(List.of(text.split("")));
        while (true) {
            int best = -1;
            float bestScore = Float.NEGATIVE_INFINITY;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                Float score = scores.get(symbols.get(i) + symbols.get(i + 1));
                if (score != null && score > bestScore) {
                    best = i;
                    bestScore = score;
                }
            }
            if (best < 0) {
                return symbols;
            }
            symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
        }
    }
}
