package io.lanewise.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Encoding takes any text, decoding takes any ids, and byte-level BPE loses nothing on the way. */
class RoundTripTest {
    private static final int ROUNDS = 3_000;

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "deepseek-llm", "deepseek-coder"})
    void byteLevelDecodesToTheTextThatWasEncoded(String name) {
        Tokenizer tokenizer = TestTokenizers.of(name);
        Random random = new Random(1);
        for (int i = 0; i < ROUNDS; i++) {
            String text = RandomTexts.wellFormed(random, 30);
            assertThat(tokenizer.decode(tokenizer.encode(text, false, false))).isEqualTo(text);
            String broken = RandomTexts.anyChars(random, 40);
            assertThat(tokenizer.decode(tokenizer.encode(broken, false, false)))
                    .isEqualTo(RandomTexts.repaired(broken));
        }
    }

    @Test
    void aVocabularyThatComposesUnicodeDecodesToTheComposedText() {
        Tokenizer tokenizer = TestTokenizers.of("qwen2");
        Random random = new Random(2);
        for (int i = 0; i < ROUNDS; i++) {
            String text = RandomTexts.wellFormed(random, 30);
            assertThat(tokenizer.decode(tokenizer.encode(text, false, false)))
                    .isEqualTo(Normalizer.normalize(text, Normalizer.Form.NFC));
        }
    }

    @Test
    void sentencePieceDecodesToTheTextThatWasEncodedSaveForItsOwnMark() {
        Tokenizer tokenizer = TestTokenizers.of("llama-spm");
        Random random = new Random(3);
        for (int i = 0; i < ROUNDS; i++) {
            String text = RandomTexts.repaired(RandomTexts.wellFormed(random, 30)).replace('\u2581', ' ');
            assertThat(tokenizer.decode(tokenizer.encode(text, true, false))).isEqualTo(text);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "deepseek-llm", "deepseek-coder", "llama-spm", "bert-bge", "qwen2"})
    void anyTextEncodesToIdsOfTheVocabulary(String name) {
        Tokenizer tokenizer = TestTokenizers.of(name);
        Random random = new Random(4);
        for (int i = 0; i < ROUNDS; i++) {
            String text = i % 2 == 0 ? RandomTexts.wellFormed(random, 40) : RandomTexts.anyChars(random, 60);
            for (int id : tokenizer.encode(text, i % 3 == 0, i % 5 == 0)) {
                assertThat(id).isBetween(0, tokenizer.vocabSize() - 1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "deepseek-llm", "llama-spm", "bert-bge", "qwen2"})
    void streamedTextIsTheTextOfAllIdsAtOnce(String name) {
        Tokenizer tokenizer = TestTokenizers.of(name);
        Random random = new Random(5);
        for (int i = 0; i < ROUNDS; i++) {
            int[] ids = i % 2 == 0 ? tokenizer.encode(RandomTexts.wellFormed(random, 20), true, true)
                    : random.ints(random.nextInt(20), 0, tokenizer.vocabSize()).toArray();
            boolean showControl = i % 3 == 0;
            TokenDecoder decoder = tokenizer.newDecoder(true, showControl);
            StringBuilder streamed = new StringBuilder();
            for (int id : ids) {
                String part = decoder.accept(id);
                assertThat(part.isEmpty() || !Character.isHighSurrogate(part.charAt(part.length() - 1))).isTrue();
                streamed.append(part);
            }
            streamed.append(decoder.flush());
            assertThat(streamed.toString()).isEqualTo(tokenizer.decode(ids, showControl));
        }
    }

    @Test
    void aCharacterSpreadOverTokensIsHeldBackUntilItIsWhole() {
        Tokenizer tokenizer = TestTokenizers.of("gpt-2");
        int[] ids = tokenizer.encode("🦙", false, false);
        assertThat(ids.length).isGreaterThan(1);
        TokenDecoder decoder = tokenizer.newDecoder();
        for (int i = 0; i < ids.length - 1; i++) {
            assertThat(decoder.accept(ids[i])).isEmpty();
        }
        assertThat(decoder.accept(ids[ids.length - 1])).isEqualTo("🦙");
        decoder.accept(ids[0]);
        assertThat(decoder.accept(tokenizer.id("a"))).isEqualTo("\uFFFDa");
        decoder.accept(ids[0]);
        assertThat(decoder.flush()).isEqualTo("\uFFFD");
        assertThat(decoder.flush()).isEmpty();
    }

    @Test
    void aContinuationKeepsItsLeadingSpaceAndAStartDropsIt() {
        Tokenizer tokenizer = TestTokenizers.of("llama-spm");
        int[] ids = tokenizer.encode("Hello world", true, false);
        assertThat(tokenizer.decode(ids)).isEqualTo("Hello world");
        assertThat(tokenizer.newDecoder().accept(ids[1])).isEqualTo(" Hello");
        TokenDecoder start = tokenizer.newDecoder(true, false);
        assertThat(start.accept(ids[0]) + start.accept(ids[1]) + start.accept(ids[2])).isEqualTo("Hello world");
        assertThat(tokenizer.decode(ids, true)).isEqualTo("<s> Hello world");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "llama-spm", "bert-bge"})
    void anIdOutOfRangeIsRefusedWithTheRange(String name) {
        Tokenizer tokenizer = TestTokenizers.of(name);
        for (int id : new int[] {-1, tokenizer.vocabSize(), Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.decode(new int[] {id}))
                    .withMessageContaining(id + " is out of range").withMessageContaining("0 to ");
            assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.newDecoder().accept(id));
            assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.token(id));
            assertThat(tokenizer.isEndOfGeneration(id)).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "deepseek-llm", "llama-spm", "bert-bge"})
    void threadsThatShareATokenizerGetTheSameIds(String name) {
        Vocabulary vocabulary = TestTokenizers.of(name).vocabulary();
        Random random = new Random(6);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            texts.add(RandomTexts.wellFormed(random, 40));
        }
        // A fresh one, so that the threads race to fill what it finds out lazily.
        Tokenizer tokenizer = Tokenizers.of(vocabulary);
        List<CompletableFuture<int[][]>> answers = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            answers.add(CompletableFuture.supplyAsync(() -> texts.stream()
                    .map(text -> tokenizer.encode(text, true, true)).toArray(int[][]::new), Thread::startVirtualThread));
        }
        int[][] expected = answers.getFirst().join();
        answers.forEach(answer -> assertThat(Arrays.deepEquals(answer.join(), expected)).isTrue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "deepseek-llm", "deepseek-coder", "llama-spm", "bert-bge", "qwen2"})
    void aMegabyteOfOneCharacterTakesNoQuadraticTime(String name) {
        Tokenizer tokenizer = TestTokenizers.of(name);
        for (String letter : new String[] {"a", " ", "\n", "!", "中", "ab", "\u0301"}) {
            String text = letter.repeat(1_000_000 / letter.length());
            long begin = System.nanoTime();
            int[] ids = tokenizer.encode(text, false, true);
            // A quadratic merge would take hours; half a second is usual.
            assertThat(System.nanoTime() - begin).isLessThan(20_000_000_000L);
            assertThat(ids.length).isLessThanOrEqualTo(3_000_001);
        }
    }
}
